/**
 * A connection between two threads that carries bytes, as a socket does: each direction keeps its order and takes its
 * time, pieces arrive cut anywhere, and a broken one loses what was under way from some byte on.
 *
 *     open ──an end closes, its thread dies──▶ what was written arrives, then the other end hears of it
 *       └──break──▶ what was under way arrives up to some byte, then both ends hear of it
 */
import type { Channel, ChannelEvents } from "../../src/stores/embedded/wire/index.ts"
import type { Machine, SimulatedThread } from "./machine.ts"

export class SimulatedLink {
  readonly #ends: readonly [End, End]
  readonly #machine: Machine
  #isOver = false

  constructor(machine: Machine, threads: readonly [SimulatedThread, SimulatedThread], delayMs: number) {
    this.#machine = machine
    const [left, right] = threads.map((thread) => new End(machine, thread, delayMs)) as [End, End]
    left.other = right
    right.other = left
    this.#ends = [left, right]
    for (const end of this.#ends) {
      end.thread.onEnd(() => {
        end.end()
      })
    }
  }

  get isOver(): boolean {
    return this.#isOver || this.#ends.some((end) => end.isOver)
  }

  /** One end is over, and the other has not heard of it. */
  get isEnding(): boolean {
    return this.isOver && this.#ends.some((end) => !end.isTold && end.thread.isAlive)
  }

  /** The end of either thread. */
  open(side: 0 | 1, events: ChannelEvents): Channel {
    return this.#ends[side].open(events)
  }

  /** Nobody is there on the other side. */
  refuse(): void {
    this.#ends[1].end()
  }

  /** Cuts it, wherever what is under way is. */
  break(): void {
    if (this.isOver) return
    this.#isOver = true
    this.#machine.note(() => `the connection of ${this.#ends.map(({ thread }) => thread.name).join(" and ")} breaks`)
    const [client] = this.#ends
    client.thread.process.isAtRisk = true
    for (const end of this.#ends) end.break()
  }
}

class End {
  readonly thread: SimulatedThread
  readonly #machine: Machine
  readonly #delayMs: number
  other: End | null = null
  #events: ChannelEvents | null = null
  /** Nothing more is written here. */
  isOver = false
  /** The thread has been told that it is over. */
  isTold = false
  #isReading = true
  /** What is on its way to this end, null for the end of it. */
  readonly #coming: (Uint8Array | null)[] = []
  #isMoving = false

  constructor(machine: Machine, thread: SimulatedThread, delayMs: number) {
    this.#machine = machine
    this.thread = thread
    this.#delayMs = delayMs
  }

  open(events: ChannelEvents): Channel {
    this.#events = events
    this.#move()
    const backlog = (): number => this.other?.backlogBytes ?? 0
    return {
      get backlogBytes() {
        return backlog()
      },
      write: (frames) => {
        this.#write(frames)
      },
      setReading: (isReading) => {
        this.#isReading = isReading
        if (isReading) this.#move()
      },
      keepAlive: () => {
        // Nothing here keeps a process alive.
      },
      end: () => {
        this.end()
      },
      destroy: () => {
        this.end()
      },
    }
  }

  get backlogBytes(): number {
    return this.#coming.reduce((sum, piece) => sum + (piece?.length ?? 0), 0)
  }

  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.other?.receive(null)
    this.#tell()
  }

  break(): void {
    this.isOver = true
    // What had arrived up to some byte was taken; the rest is lost.
    const kept = Math.floor(this.#machine.random.nextUnit() * (this.#coming.length + 1))
    const [torn] = this.#coming.splice(kept)
    if (torn !== undefined && torn !== null) {
      this.#coming.push(torn.subarray(0, Math.floor(this.#machine.random.nextUnit() * torn.length)))
    }
    this.receive(null)
  }

  receive(piece: Uint8Array | null): void {
    this.#coming.push(piece)
    this.#move()
  }

  #write(frames: readonly Uint8Array[]): void {
    if (this.isOver) return
    this.thread.mayDie("before it sends")
    if (!this.thread.isAlive) return
    const { buffer, byteOffset, byteLength } = Buffer.concat(frames)
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    if (this.#machine.chance(8)) {
      const cut = Math.floor(this.#machine.random.nextUnit() * bytes.length)
      this.other?.receive(bytes.subarray(0, cut))
      this.other?.receive(bytes.subarray(cut))
    } else this.other?.receive(bytes)
    this.thread.mayDie("when it has sent")
  }

  #move(): void {
    // Nobody has taken it up yet; the system keeps what comes.
    if (this.#events === null) return
    if (this.#isMoving || !this.#isReading || this.#coming.length === 0) return
    this.#isMoving = true
    this.thread.after(0.02 + this.#machine.delayMs(this.#delayMs), () => {
      this.#isMoving = false
      this.#deliver()
      this.#move()
    })
  }

  #deliver(): void {
    if (!this.#isReading) return
    const piece = this.#coming.shift()
    if (piece === undefined) return
    if (piece === null) {
      this.isOver = true
      this.#tell()
    } else if (!this.isTold && piece.length > 0) this.#events?.onBytes(piece)
  }

  #tell(): void {
    if (this.isTold) return
    this.isTold = true
    this.thread.after(0, () => {
      this.#events?.onClosed()
    })
  }
}
