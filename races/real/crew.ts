/** Real processes and threads that take part in one program after the other. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import type { Order, Reply } from "./order.ts"

/** Whoever can be told to act. */
interface Member {
  act(order: Order): Promise<Reply>
  end(): Promise<void>
}

/** A crew of processes and threads, all of which act at once. */
export class Crew {
  readonly #members: readonly Member[]

  private constructor(members: readonly Member[]) {
    this.#members = members
  }

  static async start({ processes, threads }: { processes: number; threads: number }): Promise<Crew> {
    const members = [
      ...Array.from({ length: processes }, startProcess),
      ...Array.from({ length: threads }, startThread),
    ]
    return new Crew(await Promise.all(members))
  }

  /** Spreads the actors of a program over the crew and lets them act at once. @throws what any of them met with */
  async act(race: number, place: { readonly url: string; readonly folder: string }, actors: number): Promise<void> {
    const shares = this.#members.map((): number[] => [])
    for (let actor = 0; actor < actors; actor++) shares[actor % shares.length]?.push(actor)
    const replies = await Promise.all(
      this.#members.map(async (member, index) => await member.act({ race, ...place, actors: shares[index] ?? [] })),
    )
    const errors = replies.flatMap(({ error }) => (error === null ? [] : [error]))
    if (errors.length > 0) throw new Error(errors.join("\n"))
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        await member.end()
      }),
    )
  }
}

const PARTICIPANT = new URL("participant.ts", import.meta.url)

async function startProcess(): Promise<Member> {
  const child = fork(fileURLToPath(PARTICIPANT), { execArgv: ["--import", "tsx"] })
  await once(child, "message")
  return {
    act: async (order) => await answerOf(child, () => child.send(order)),
    end: async () => {
      child.kill("SIGKILL")
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
    },
  }
}

async function startThread(): Promise<Member> {
  // Node 20 runs no module hooks of its parent in a thread: the thread registers them before it imports the program.
  const worker = new Worker(
    `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(PARTICIPANT.href)}) })`,
    { eval: true },
  )
  await once(worker, "message")
  return {
    act: async (order) =>
      await answerOf(worker, () => {
        worker.postMessage(order)
      }),
    end: async () => {
      await worker.terminate()
    },
  }
}

/** What the member answers, or that it ended instead. */
async function answerOf(member: ChildProcess | Worker, send: () => void): Promise<Reply> {
  const answer = once(member, "message") as Promise<[Reply]>
  const end = once(member, "exit").then((): [Reply] => [{ error: "a participant ended before it answered" }])
  send()
  const [reply] = await Promise.race([answer, end])
  return reply
}
