/** Where whoever calls `npx imgql` stands: npx runs it in the folder of the package around, wherever in it that is. */
import { isAbsolute, relative, sep } from "node:path"

/** The folder that files are meant from. */
export function folderOfUser(env: Readonly<Record<string, string | undefined>>, cwd: string): string {
  const { INIT_CWD: stood = "", npm_command: command, npm_lifecycle_script: script = "" } = env
  // Programs that npx runs hand these on to what they start in other folders, which is meant to run there.
  if (command !== "exec" || !/^"?imgql\b/.test(script) || !isAbsolute(stood)) return cwd
  const below = relative(cwd, stood)
  return below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below) ? cwd : stood
}
