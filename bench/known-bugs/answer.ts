// How a call ended, as text a table can print: its value, its error's code or message, or that it never ended.

import { setTimeout as sleep } from "node:timers/promises"

export const STILL_WAITING = "still waiting"
/** Ended without a value. */
export const ENDED = "ended"
export const REFUSED = "refused with "

/** Long beside anything the cases do, short beside a hang. */
const HANG_MS = 300

export async function answerOf(call: Promise<unknown>): Promise<string> {
  const ended = call.then(describeValue, (error: unknown) => REFUSED + describeError(error))
  const gaveUp = new AbortController()
  const answer = await Promise.race([
    ended,
    sleep(HANG_MS, STILL_WAITING, { signal: gaveUp.signal }).catch(() => STILL_WAITING),
  ])
  gaveUp.abort()
  return answer
}

/** Lets everything that is ready run: microtasks, immediates and due timers. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await sleep(1)
  }
}

function describeValue(value: unknown): string {
  if (value === undefined) {
    return ENDED
  }
  return typeof value === "string" ? value : JSON.stringify(value)
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error)
  }
  return "code" in error && typeof error.code === "string" ? error.code : error.message
}
