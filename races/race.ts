/** What a race is: a program that loses something in some order, and the same program on Holdfast, which loses nothing in any. */
import { isDeepStrictEqual } from "node:util"
import type { Holdfast } from "holdfast"
import type { ExploreOptions, Scenario } from "holdfast/race"

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
}

/** A program on Holdfast that runs the same inside an exploration and across threads and processes. */
export interface Program {
  /** How many actors take part where they are real. */
  readonly actors: number
  /** What one of them does. */
  act(place: Place, actor: number): Promise<void>
  /** Throws unless everything is as it must be after so many have acted. */
  check(place: Place, actors: number): Promise<void>
}

/** The scenario of a program: so many actors, each with a session of its own, and then the check. */
export function scenarioOf(program: Program, actors: number): Scenario {
  return async ({ actor, open }) => {
    const numbers = Array.from({ length: actors }, (_, index) => index)
    await Promise.all(
      numbers.map(async (number) => {
        const name = `actor ${String(number + 1)}`
        await actor(name, async () => {
          await program.act({ hf: await open(name), folder: "" }, number)
        })
      }),
    )
    await program.check({ hf: await open("check"), folder: "" }, actors)
  }
}

/** Fails with what was expected and what was found instead. */
export function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`)
}
