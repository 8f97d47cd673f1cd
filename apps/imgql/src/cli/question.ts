/** A question to whoever sits at the terminal. */
import { createInterface } from "node:readline/promises"
import { type Console, Stopped } from "./console.ts"

/** Whether the answer is yes; whatever else it is, also none at all (Ctrl-D), is no. @throws Stopped for Ctrl-C */
export async function ask(question: string, { in: input, err: output }: Console): Promise<boolean> {
  const dialog = createInterface({ input, output, terminal: true })
  const stopping = new AbortController()
  dialog.on("SIGINT", () => stopping.abort(new Stopped("SIGINT")))
  try {
    const answer = await dialog.question(`${question} [y/N] `, { signal: stopping.signal })
    return /^y(?:es)?$/i.test(answer.trim())
  } catch (error) {
    stopping.signal.throwIfAborted()
    if (error instanceof Error && error.name === "AbortError") return false
    throw error
  } finally {
    dialog.close()
  }
}
