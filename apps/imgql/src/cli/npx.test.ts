/** Where files are meant from, by what npm says of who called. */
import { describe, expect, it } from "vitest"
import { folderOfUser } from "./npx.ts"

const NPX = { npm_command: "exec", npm_lifecycle_script: "imgql run a.imgql" }

describe("the folder of the user", () => {
  it("is where npx was called, which runs imgql in the folder of the package around", () => {
    expect(folderOfUser({ ...NPX, INIT_CWD: "/app/examples" }, "/app")).toBe("/app/examples")
    expect(folderOfUser({ ...NPX, npm_lifecycle_script: '"imgql" "run"', INIT_CWD: "/app/a/b" }, "/app")).toBe(
      "/app/a/b",
    )
    expect(folderOfUser({ ...NPX, INIT_CWD: "/app" }, "/app")).toBe("/app")
  })

  it("is where the process runs for all that npx and npm start in other ways", () => {
    expect(folderOfUser({}, "/app")).toBe("/app")
    expect(folderOfUser({ ...NPX, INIT_CWD: "/elsewhere" }, "/app")).toBe("/app")
    expect(folderOfUser({ ...NPX, INIT_CWD: "/apples" }, "/app")).toBe("/app")
    expect(folderOfUser({ ...NPX, npm_lifecycle_script: "vitest run", INIT_CWD: "/app/examples" }, "/app")).toBe("/app")
    expect(folderOfUser({ npm_command: "run-script", npm_lifecycle_script: "imgql", INIT_CWD: "/app/a" }, "/app")).toBe(
      "/app",
    )
  })
})
