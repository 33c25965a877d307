/**
 * Code signatures of Mach-O binaries, as far as a release needs them: whether each page's hash in the CodeDirectory is that of the
 * page, and an ad-hoc signature for a binary whose own became wrong. macOS on Apple silicon ends a process whose pages do not match.
 *
 * Source: XNU's osfmk/kern/cs_blobs.h and the loader's headers. Thin 64-bit little-endian files only, which Bun's are.
 */
import { createHash } from "node:crypto";

const MH_MAGIC_64 = 0xfeedfacf;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const SUPERBLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const CSSLOT_CODEDIRECTORY = 0;
const CS_ADHOC = 0x2;
const HASH_SHA256 = 2;
const HASH_BYTES = 32;
/** log2 of the page size that hashes are of: 4096 bytes. */
const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
const VERSION_EXECSEG = 0x20400;
const EXECSEG_MAIN_BINARY = 1;
const HEADER_BYTES = 88;

interface Commands {
  /** Of LC_CODE_SIGNATURE: where the command stands, and what it points to. */
  signature: { at: number; offset: number; size: number };
  linkedit: { at: number; fileOffset: number; fileSize: number };
  text: { fileOffset: number; fileSize: number };
}

function readCommands(file: Buffer): Commands {
  if (file.length < 32 || file.readUInt32LE(0) !== MH_MAGIC_64) throw new Error("this is no thin 64-bit Mach-O file");
  const count = file.readUInt32LE(16);
  let signature: Commands["signature"] | undefined;
  let linkedit: Commands["linkedit"] | undefined;
  let text: Commands["text"] | undefined;
  for (let at = 32, left = count; left > 0; left--) {
    const kind = file.readUInt32LE(at);
    if (kind === LC_CODE_SIGNATURE)
      signature = { at, offset: file.readUInt32LE(at + 8), size: file.readUInt32LE(at + 12) };
    if (kind === LC_SEGMENT_64) {
      const name = file.toString("latin1", at + 8, at + 24).replace(/\0+$/, "");
      const place = {
        at,
        fileOffset: Number(file.readBigUInt64LE(at + 40)),
        fileSize: Number(file.readBigUInt64LE(at + 48)),
      };
      if (name === "__LINKEDIT") linkedit = place;
      if (name === "__TEXT") text = place;
    }
    at += file.readUInt32LE(at + 4);
  }
  if (signature === undefined || linkedit === undefined || text === undefined)
    throw new Error("this Mach-O file has no code signature, or lacks __TEXT or __LINKEDIT");
  return { signature, linkedit, text };
}

export interface SignatureCheck {
  identifier: string;
  adhoc: boolean;
  pages: number;
  /** Numbers of the pages whose hash is another. */
  bad: number[];
}

/** Compares each page with its hash. Throws when there is no signature to compare with. */
export function checkSignature(file: Buffer): SignatureCheck {
  const { signature } = readCommands(file);
  const directory = findDirectory(file, signature.offset);
  const hashOffset = file.readUInt32BE(directory + 16);
  const identOffset = file.readUInt32BE(directory + 20);
  const slots = file.readUInt32BE(directory + 28);
  const limit = file.readUInt32BE(directory + 32);
  const hashBytes = file.readUInt8(directory + 36);
  const hashType = file.readUInt8(directory + 37);
  const page = 1 << file.readUInt8(directory + 39);
  if (hashType !== HASH_SHA256 || hashBytes !== HASH_BYTES)
    throw new Error(`its CodeDirectory has hashes of type ${hashType}, not SHA-256`);
  if (limit !== signature.offset || slots !== Math.ceil(limit / page))
    throw new Error(
      `its CodeDirectory covers ${limit} bytes in ${slots} pages, but the signature begins at ${signature.offset}`,
    );
  const bad: number[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const hash = pageHash(file, slot, page, limit);
    const at = directory + hashOffset + slot * HASH_BYTES;
    if (!hash.equals(file.subarray(at, at + HASH_BYTES))) bad.push(slot);
  }
  const identEnd = file.indexOf(0, directory + identOffset);
  return {
    identifier: file.toString("latin1", directory + identOffset, identEnd),
    adhoc: (file.readUInt32BE(directory + 12) & CS_ADHOC) !== 0,
    pages: slots,
    bad,
  };
}

function findDirectory(file: Buffer, superblob: number): number {
  if (file.readUInt32BE(superblob) !== SUPERBLOB) throw new Error("its code signature is no superblob");
  const count = file.readUInt32BE(superblob + 8);
  for (let at = 0; at < count; at++) {
    const type = file.readUInt32BE(superblob + 12 + at * 8);
    const blob = superblob + file.readUInt32BE(superblob + 16 + at * 8);
    if (type === CSSLOT_CODEDIRECTORY && file.readUInt32BE(blob) === CODE_DIRECTORY) return blob;
  }
  throw new Error("its code signature has no CodeDirectory");
}

function pageHash(file: Buffer, slot: number, page: number, limit: number): Buffer {
  return createHash("sha256")
    .update(file.subarray(slot * page, Math.min((slot + 1) * page, limit)))
    .digest();
}

/** The same binary with an ad-hoc signature in the place of its own: what `codesign -f -s -` makes, without its requirements blob. */
export function signAdHoc(file: Buffer, identifier: string): Buffer {
  const { signature, linkedit, text } = readCommands(file);
  const limit = signature.offset;
  const slots = Math.ceil(limit / PAGE);
  const ident = Buffer.from(`${identifier}\0`, "latin1");
  const directoryBytes = HEADER_BYTES + ident.length + slots * HASH_BYTES;
  const blobBytes = 12 + 8 + directoryBytes;
  const size = Math.ceil(blobBytes / 16) * 16;

  const signed = Buffer.alloc(limit + size);
  file.copy(signed, 0, 0, limit);
  signed.writeUInt32LE(size, signature.at + 12);
  const linkeditSize = limit + size - linkedit.fileOffset;
  signed.writeBigUInt64LE(BigInt(linkeditSize), linkedit.at + 48);
  signed.writeBigUInt64LE(BigInt(Math.ceil(linkeditSize / 0x4000) * 0x4000), linkedit.at + 32); // vmsize, in whole pages of either machine

  signed.writeUInt32BE(SUPERBLOB, limit);
  signed.writeUInt32BE(blobBytes, limit + 4);
  signed.writeUInt32BE(1, limit + 8);
  signed.writeUInt32BE(CSSLOT_CODEDIRECTORY, limit + 12);
  signed.writeUInt32BE(20, limit + 16);
  const at = limit + 20;
  const words = [
    CODE_DIRECTORY,
    directoryBytes,
    VERSION_EXECSEG,
    CS_ADHOC,
    HEADER_BYTES + ident.length,
    HEADER_BYTES,
    0,
    slots,
    limit,
  ];
  for (const [index, word] of words.entries()) signed.writeUInt32BE(word, at + index * 4);
  signed.writeUInt8(HASH_BYTES, at + 36);
  signed.writeUInt8(HASH_SHA256, at + 37);
  signed.writeUInt8(PAGE_SHIFT, at + 39);
  signed.writeBigUInt64BE(BigInt(text.fileOffset), at + 64);
  signed.writeBigUInt64BE(BigInt(text.fileSize), at + 72);
  signed.writeBigUInt64BE(BigInt(EXECSEG_MAIN_BINARY), at + 80);
  ident.copy(signed, at + HEADER_BYTES);
  // Last, since the first pages hold the commands that were just changed.
  for (let slot = 0; slot < slots; slot++)
    pageHash(signed, slot, PAGE, limit).copy(signed, at + HEADER_BYTES + ident.length + slot * HASH_BYTES);
  return signed;
}
