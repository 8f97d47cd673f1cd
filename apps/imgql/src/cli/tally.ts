/** How far a run is: counted from what it tells of itself, and told in one line. */
import type { OperationEvent, ShareChange } from "../engine/observer.ts"

/** Before this, how long the rest takes is anybody's guess. */
const GUESS_AFTER_MS = 2_000
const GUESS_AFTER_SHARE = 0.02

export class Tally {
  readonly #startedMs: number
  readonly #running = new Set<string>()
  #wanted = 0
  #ran = 0
  #joined = 0
  #stored = 0
  #failed = 0
  #begun = 0
  #share = 0

  constructor(nowMs: number) {
    this.#startedMs = nowMs
  }

  operation({ stage, id }: OperationEvent): void {
    switch (stage) {
      case "wanted":
        this.#wanted += 1
        return
      case "stored":
        this.#stored += 1
        return
      case "joined":
        this.#joined += 1
        return
      case "failed":
        this.#failed += 1
        return
      case "started":
        this.#running.add(id)
        return
      case "ran":
        this.#ran += 1
        this.#running.delete(id)
        return
      case "stopped":
        this.#running.delete(id)
    }
  }

  share({ begun, done }: ShareChange): void {
    this.#begun += begun
    this.#share += done
  }

  /** Operations that have a result. */
  get done(): number {
    return this.#ran + this.#joined + this.#stored
  }

  get failed(): number {
    return this.#failed
  }

  /** Operations that were asked for so far. */
  get known(): number {
    return Math.max(this.#wanted, this.done + this.#failed)
  }

  /** `34%  120 of 180 operations: 80 ran, 10 joined, 30 cached, 4 running, about 12 s left`. */
  describe(nowMs: number): string {
    const waiting = this.known - this.done - this.#failed - this.#running.size
    const counts: readonly (readonly [number, string])[] = [
      [this.#ran, "ran"],
      [this.#joined, "joined"],
      [this.#stored, "cached"],
      [this.#failed, "failed"],
      [this.#running.size, "running"],
      [waiting, "waiting"],
    ]
    const shown = counts.filter(([count]) => count > 0).map(([count, what]) => `${String(count)} ${what}`)
    const elapsedMs = nowMs - this.#startedMs
    const reached = this.#reached()
    const parts = [...shown, formatDuration(elapsedMs), ...guess(elapsedMs, reached)]
    return `${String(Math.floor(100 * reached + 1e-9)).padStart(3)}%  ${parts.join(", ")}`
  }

  /** What is done, and of what has been begun as much as of its operations. From 0 to 1. */
  #reached(): number {
    const known = this.known
    const open = Math.max(0, this.#begun - this.#share)
    return Math.min(1, this.#share + (known === 0 ? 0 : (open * (this.done + this.#failed)) / known))
  }
}

/** As if the rest took as long, part by part, as what is done has taken. */
function guess(elapsedMs: number, reached: number): string[] {
  if (elapsedMs < GUESS_AFTER_MS || reached < GUESS_AFTER_SHARE || reached >= 1) return []
  return [`about ${formatDuration((elapsedMs * (1 - reached)) / reached)} left`]
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${String(whole)} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${String(minutes)} min ${String(whole % 60)} s`
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`
}
