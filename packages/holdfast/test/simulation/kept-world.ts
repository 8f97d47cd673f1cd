/** A keeper with a disk in the test's hands, and clients that remember what they were told. */
import { createPrng } from "../../src/env/prng.ts"
import { createSimulatedEnv, type SimulatedEnv } from "../../src/env/simulated-env.ts"
import type { Command, SessionId } from "../../src/kernel/index.ts"
import type { Connection } from "../../src/stores/embedded/keeper/connection.ts"
import { Keeper } from "../../src/stores/embedded/keeper/keeper.ts"
import type { KeeperMessage } from "../../src/stores/embedded/keeper/peer.ts"
import { SimulatedDisk } from "./simulated-disk.ts"

/** One connection with one session, and what it was told. */
export class KeptClient {
  readonly told: KeeperMessage[] = []
  readonly connection: Connection
  isDisconnected = false
  #sequence = 0

  constructor(
    keeper: Keeper,
    session: SessionId,
    options: { readonly isLocal?: boolean; readonly client?: string } = {},
  ) {
    this.connection = keeper.connect({
      client: options.client ?? `client of ${session}`,
      isLocal: options.isLocal ?? false,
      send: (message) => this.told.push(message),
      disconnect: () => {
        this.isDisconnected = true
      },
    })
  }

  ask(command: Command, options: { readonly isAgain?: number } = {}): number {
    this.#sequence += 1
    const sequence = options.isAgain ?? this.#sequence
    this.connection.receive([{ kind: "request", sequence, isAgain: options.isAgain !== undefined, command }])
    return sequence
  }

  /** The answer to a request, if it has come. */
  answer(sequence: number): unknown {
    const message = this.told.find((each) => "sequence" in each && each.sequence === sequence)
    return message?.kind === "outcome" ? message.outcome : message
  }
}

export class KeptWorld {
  readonly env: SimulatedEnv = createSimulatedEnv({ seed: 1 })
  /** Flushes that wait for the test. */
  readonly flushes: (() => void)[] = []
  readonly disk: SimulatedDisk
  keeper: Keeper
  failure: Error | null = null
  /** Clients whose sign of life is gone. */
  readonly dead = new Set<string>()

  constructor() {
    this.disk = new SimulatedDisk({
      random: createPrng(1),
      postpone: (_delay, task) => {
        this.flushes.push(task)
      },
      flushBound: 1,
    })
    this.keeper = this.start()
  }

  start(): Keeper {
    const user = this.disk.user()
    const header = { boot: "boot", epochMs: this.env.clock.now() - this.env.clock.monotonic() }
    const { live, epochMs } = this.disk.openLive(user, header)
    return new Keeper({
      env: this.env,
      journal: this.disk.openJournal(user),
      live,
      epochMs,
      check: true,
      isAlive: (client) => !this.dead.has(client),
      onFailed: (error) => {
        this.failure = error
      },
    })
  }

  /** The keeper's process dies, and another takes over. */
  restart(): void {
    this.disk.release()
    this.keeper = this.start()
  }

  /** The machine goes off, and what it was flushing is lost; then on again. No client is left. */
  losePower(): void {
    this.disk.losePower(false)
    this.keeper = this.start()
  }

  /** Lets what is under way reach the disk. */
  async flush(): Promise<void> {
    while (this.flushes.length > 0) {
      for (const flush of this.flushes.splice(0)) flush()
      await this.env.advanceBy(0)
    }
  }

  async open(
    session: SessionId,
    options: { readonly isLocal?: boolean; readonly client?: string } = {},
  ): Promise<KeptClient> {
    const client = new KeptClient(this.keeper, session, options)
    client.ask({ kind: "openSession", session, label: session })
    await this.flush()
    return client
  }
}
