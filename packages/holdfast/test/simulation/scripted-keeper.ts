/** A keeper whose words are the test's, and a client that listens to it. */
import { createSimulatedEnv, type SimulatedEnv } from "../../src/env/simulated-env.ts"
import {
  type ClaimView,
  type Command,
  HoldfastError,
  type RequestId,
  type SessionId,
  type StoreEvent,
  type Token,
  type WorkerId,
} from "../../src/kernel/index.ts"
import type { BlobFolder } from "../../src/stores/embedded/blobs/blob-folder.ts"
import { EmbeddedClient } from "../../src/stores/embedded/client/client.ts"
import type { LineEvents } from "../../src/stores/embedded/client/line.ts"
import type { ClientMessage, KeeperMessage } from "../../src/stores/embedded/keeper/peer.ts"
import { acquire } from "./kept-words.ts"

export const A: SessionId = "a" as SessionId // Brand constructor.
export const OPEN: Command = { kind: "openSession", session: A, label: "a" }
export const READ: Command = { kind: "readCells", session: A, names: ["x"], head: false }
export const WRITE: Extract<Command, { readonly kind: "commitCells" }> = {
  kind: "commitCells",
  session: A,
  holding: [],
  reads: [],
  writes: [{ kind: "put", name: "x", value: 1 }],
  starts: [],
  step: null,
  complete: null,
}

export function lock(request: number): Command {
  return acquire(A, request)
}

export const CLAIM: ClaimView = {
  run: "i@1" as never, // Brand constructor.
  identity: "i" as never, // Brand constructor.
  operation: "render",
  version: 1,
  args: new Uint8Array(),
  token: 9 as Token,
  attempt: 1,
  steps: [],
  paused: false,
}

export const REQUEST: RequestId = 1 as RequestId // Brand constructor.

/** A slot asks for a run. */
export const TAKE: Extract<Command, { readonly kind: "takeRun" }> = {
  kind: "takeRun",
  session: A,
  request: REQUEST,
  worker: 1 as WorkerId, // Brand constructor.
}

/** A wait for the run of {@link CLAIM}, which may come to execute it. */
export const AWAIT: Command = {
  kind: "awaitRun",
  session: A,
  request: REQUEST,
  run: CLAIM.run,
  holding: [],
  execute: true,
}

export class ScriptedKeeper {
  readonly env: SimulatedEnv = createSimulatedEnv({ seed: 1 })
  readonly heard: ClientMessage[] = []
  readonly events: StoreEvent[] = []
  isReachable = true
  /** How often a client gave up its sign of life. */
  clientsOver = 0
  readonly #blobs: BlobFolder | null
  #line: LineEvents | null = null
  #closed = 0

  constructor(blobs: BlobFolder | null = null) {
    this.#blobs = blobs
  }

  async connect(): Promise<EmbeddedClient> {
    const client = await EmbeddedClient.connect({
      env: this.env,
      blobs: this.#blobs,
      dial: (events) => {
        if (!this.isReachable) return Promise.reject(new HoldfastError("STORE_UNAVAILABLE", "nobody is there"))
        this.#line = events
        return Promise.resolve({
          instance: "scripted",
          keeper: "process 4711",
          send: (messages) => {
            this.heard.push(...messages)
          },
          keepAlive: () => undefined,
          close: () => {
            this.#closed += 1
          },
        })
      },
      onClosed: () => {
        this.clientsOver += 1
      },
    })
    client.onEvent((event) => this.events.push(event))
    return client
  }

  get closedCount(): number {
    return this.#closed
  }

  say(...messages: KeeperMessage[]): void {
    this.#line?.onMessages(messages)
  }

  async breakOff(): Promise<void> {
    this.#line?.onClosed()
    await this.env.advanceBy(0)
  }

  /** A client with a session, as after a first connection. */
  async opened(): Promise<EmbeddedClient> {
    const client = await this.connect()
    this.say({ kind: "restored", sessions: [] })
    const opening = client.execute(OPEN)
    this.say({ kind: "outcome", sequence: 1, outcome: { kind: "done" } })
    await opening
    return client
  }

  requests(): readonly Command["kind"][] {
    return this.heard.flatMap((message) => (message.kind === "request" ? [message.command.kind] : []))
  }
}
