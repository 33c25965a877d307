/** The error codes of `jsonc-parser`, in words. */
export const JSON_ERRORS: Record<string, string> = {
  CloseBraceExpected: 'expected "}"',
  CloseBracketExpected: 'expected "]"',
  ColonExpected: 'expected ":"',
  CommaExpected: 'expected ","',
  EndOfFileExpected: "expected the end of the file",
  InvalidCommentToken: "comments are not allowed in JSON",
  InvalidNumberFormat: "not a number",
  InvalidSymbol: "expected a value in quotes, a number, true, false or null",
  PropertyNameExpected: "expected a name in double quotes (no comma after the last entry)",
  UnexpectedEndOfComment: "comments are not allowed in JSON",
  UnexpectedEndOfString: "a string is not closed",
  ValueExpected: "expected a value",
};
