/** `imgql run` as a process of its own, which can be killed and stopped. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { type Ended, type Started, startImgql } from "./imgql-process.ts"

const FILE = "program.imgql"

/** Runs the program that lies in the folder. */
export async function run(folder: string, ...args: readonly string[]): Promise<Ended> {
  return await start(folder, FILE, args).ended
}

/** Writes a program and starts it. */
export function startProgram(folder: string, program: string, args: readonly string[] = [], file = FILE): Started {
  writeFileSync(join(folder, file), program)
  return start(folder, file, args)
}

/** Starts a program that lies in the folder; it is killed at the end of the test, if it is still there. */
export function start(folder: string, file = FILE, args: readonly string[] = []): Started {
  const started = startImgql(folder, ["run", file, "--progress", "off", ...args])
  onTestFinished(() => void started.child.kill("SIGKILL"))
  return started
}
