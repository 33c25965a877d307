import { expect, test } from "bun:test";
import { YAML } from "bun";
import { renderStack } from "./compose.ts";

const source = (services: string) => `defaults: { image: a }\nservices: ${services}\n`;

test("the order in the source makes no difference", () => {
  const one = renderStack(source("{ b: { command: [x], init: true }, a: {} }"));
  expect(renderStack(source("{ a: {}, b: { init: true, command: [x] } }"))).toBe(one);
  expect(YAML.parse(one)).toEqual({
    version: "2.4",
    services: { a: { image: "a" }, b: { command: ["x"], image: "a", init: true } },
  });
});

test("an invalid stack is refused with the reason", () => {
  expect(() => renderStack("services: {}")).toThrow("at least one service");
  expect(() => renderStack("services: { a: {} }")).toThrow("services.a` has no `image`");
  expect(() => renderStack("service: { a: {} }")).toThrow("`service` is not a field");
  expect(() => renderStack("[]")).toThrow("expected an object");
});
