/** What a race is: a program that loses something in some order, and the same program on Holdfast, which loses nothing in any. */
import { isDeepStrictEqual } from "node:util"
import type { Holdfast } from "holdfast"
import type { ActorOptions, ExploreOptions, Scenario } from "holdfast/race"
import { createDisk, type Disk } from "./disk.ts"

/** One race of the seed documents, or of the systems behind them. */
export interface Race {
  /** As the table counts them. */
  readonly number: number
  /** The folder of the race: its number and a name. */
  readonly folder: string
  /** What goes wrong, in a few words. */
  readonly title: string
  /** The document that tells of it. */
  readonly seed: "000" | "001" | "002" | "003" | "004"
  readonly broken: Explored
  readonly fixed: Explored
  /** The fixed program, to be run by real threads and processes. */
  readonly program: Program
}

/** A scenario and how far it is explored. */
export interface Explored {
  readonly scenario: Scenario
  readonly options: ExploreOptions
}

/** What an actor of a program works with. */
export interface Place {
  readonly hf: Holdfast
  /** A folder for the program's own files; "" where it has none. */
  readonly folder: string
  /** Files that all actors share: in memory in an exploration, in the folder where actors are real. */
  readonly disk: Disk
  /**
   * Says that the actor has come to a point in the middle of its work, which takes a while there: a step in an exploration;
   * where actors are real, where one of them may be killed or stopped.
   */
  reach(this: void, point: string): Promise<void>
}

/** What befalls a real actor when it first comes to a point: its process is killed, or stopped until all others are done. */
export interface RealFault {
  readonly actor: number
  readonly at: string
  readonly signal: "SIGKILL" | "SIGSTOP"
}

/** A program on Holdfast that runs the same inside an exploration and across threads and processes. */
export interface Program {
  /** How many actors take part where they are real. */
  readonly actors: number
  /** What befalls one of the first three, who are processes: in every round the next of these. Default nothing. */
  readonly faults?: readonly RealFault[]
  /** What one of them does. */
  act(place: Place, actor: number): Promise<void>
  /** Throws unless everything is as it must be after so many have acted, one of whom met with the fault where they are real. */
  check(place: Place, actors: number, fault: RealFault | null): Promise<void>
}

/** The scenario of a program: so many actors, each with a session of its own and what may befall it, and then the check. */
export function scenarioOf(program: Program, actors: number, options: ActorOptions = { faults: [] }): Scenario {
  return async (context) => {
    const { actor, open, step } = context
    const disk = createDisk(context)
    const numbers = Array.from({ length: actors }, (_, index) => index)
    const reach = async (point: string): Promise<void> => {
      await step(point)
    }
    await Promise.all(
      numbers.map(async (number) => {
        const name = `actor ${String(number + 1)}`
        const act = async (): Promise<void> => {
          await program.act({ hf: await open(name), folder: "", disk, reach }, number)
        }
        await actor(name, act, options)
      }),
    )
    await program.check({ hf: await open("check"), folder: "", disk, reach }, actors, null)
  }
}

/** Fails with what was expected and what was found instead. */
export function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`)
}
