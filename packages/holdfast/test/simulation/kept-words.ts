/** What two clients of a keeper say, and who they are. */
import type { Command, RequestId, SessionId } from "../../src/kernel/index.ts"

export const WRITER: SessionId = "writer" as SessionId // Brand constructor.
export const READER: SessionId = "reader" as SessionId // Brand constructor.

export function put(session: SessionId, name: string, value: number): Command {
  const writes = [{ kind: "put", name, value }] as const
  return { kind: "commitCells", session, holding: [], reads: [], writes, starts: [], step: null, complete: null }
}

export function read(session: SessionId, head: boolean): Command {
  return { kind: "readCells", session, names: ["x", "y"], head }
}

export function acquire(session: SessionId, request: number): Command {
  return {
    kind: "acquireLock",
    session,
    request: request as RequestId, // Brand constructor.
    names: ["l"],
    mode: "exclusive",
    permits: 1,
    limit: null,
    leaseMs: null,
    holding: [],
    wait: true,
  }
}
