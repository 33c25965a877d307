/** Every tool of the comparison, in the order of the table. */
import type { Peer } from "../types.ts";
import { DT_PEER, DT_UP } from "./dt.ts";
import { MPROCS } from "./mprocs.ts";
import { OVERMIND } from "./overmind.ts";
import { PITCHFORK } from "./pitchfork.ts";
import { PM2 } from "./pm2.ts";
import { PROCESS_COMPOSE } from "./processcompose.ts";
import { PUEUE } from "./pueue.ts";
import { S6 } from "./s6.ts";
import { SUPERVISOR } from "./supervisor.ts";

export const PEERS: readonly Peer[] = [
  DT_PEER,
  DT_UP,
  MPROCS,
  OVERMIND,
  PITCHFORK,
  PM2,
  PROCESS_COMPOSE,
  PUEUE,
  S6,
  SUPERVISOR,
];
