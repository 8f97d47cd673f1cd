/**
 * From text to a tree.
 *
 * The parser is written by hand, since the language is smaller than the exceptions a generated one would need: what a token
 * is depends on where it stands (`lexer.ts`), commands end without a mark, and a name may be an operator. It keeps a stack
 * of its own, so that no program is nested too deeply for it.
 *
 * Infix operators have no precedence and associate to the left: `2 + 3 * 4` is 20. Prefix operators bind tighter, and `[ ]`
 * after a value tighter still. `let … in`, `for`, `filter` and `fold` reach as far to the right as they can; next to an
 * operator they need parentheses.
 *
 * Decisions, beyond those of the lexer:
 *
 * - **Where a command ends.** A name after a complete value begins the next command, and so does an operator that is the
 *   first on its line and is then defined: `+?(a, b) = …`. (Only with an operator called `=` could that have meant anything
 *   else; a program that defines one writes `let` before such definitions.)
 * - **Upper-case names as operators.** A name all in upper case is infix after a value (`4 SUM 9`), unless a definition
 *   begins with it. Where a value is expected it is prefix if directly followed by a name, a number or a string (`N a`,
 *   `NEG 11`); then `N -1` is a subtraction, `N (a)` a call and `N [0]` an item. Two in a row are prefix both: `N I a`.
 * - **`=`** is an operator like any other once a value is complete: `(a) = b`.
 * - **Folds.** `fold + 0 xs` has two values in a row, so the first one takes no upper-case operators, and a number or truth
 *   is not indexed there: `fold + 0 [1, 2]`. A `let` after the first value is the second value if it has its `in`, and the
 *   next command if not.
 * - **Definitions** may have `=` joined with what follows: `x=-1`. `f() = …` defines a function that takes nothing.
 *
 * After a problem the parser goes on at the next line that begins a command, until there are too many.
 */
import { Cursor, describe, spanOf, Stop } from "./cursor.ts"
import { ExpressionParser } from "./expression-parser.ts"
import { isUpperCase, type Token } from "./lexer.ts"
import { quote, type Problem } from "./problem.ts"
import { COMMAND_WORDS, type Binder, type Command, type Expression, type Program } from "./syntax.ts"

/** So many problems are told of one text; whoever has more has another kind of file. */
export const MAX_SYNTAX_PROBLEMS = 20

/** Reads a program. With problems, it holds the commands that have none. */
export function parseProgram(
  source: string,
  file: string,
): { readonly program: Program; readonly problems: readonly Problem[] } {
  const parser = new Parser(source, file)
  const commands = parser.commands()
  return { program: { file, source, commands }, problems: parser.problems }
}

/** Reads one expression and nothing else, as somebody types it. */
export function parseExpression(
  source: string,
  file: string,
): { readonly expression: Expression | null; readonly problems: readonly Problem[] } {
  const parser = new Parser(source, file)
  return { expression: parser.onlyExpression(), problems: parser.problems }
}

class Parser {
  readonly #cursor: Cursor
  readonly #expressions: ExpressionParser

  constructor(source: string, file: string) {
    this.#cursor = new Cursor(source, file)
    this.#expressions = new ExpressionParser(this.#cursor)
  }

  get problems(): readonly Problem[] {
    return this.#cursor.problems
  }

  commands(): Command[] {
    const commands: Command[] = []
    while (this.#cursor.problems.length < MAX_SYNTAX_PROBLEMS) {
      const start = this.#cursor.lexer.skipBlank(this.#cursor.at)
      if (start >= this.#cursor.lexer.text.length) break
      try {
        commands.push(this.#command())
      } catch (error) {
        if (!(error instanceof Stop)) throw error
        this.#recover(start)
      }
    }
    return commands
  }

  onlyExpression(): Expression | null {
    try {
      const expression = this.#expressions.read()
      const rest = this.#cursor.peek("after")
      if (rest.kind !== "end") this.#cursor.fail(rest, `expected an operator or the end, found ${describe(rest)}`)
      return expression
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      return null
    }
  }

  #command(): Command {
    const token = this.#cursor.peek("definition")
    if (token.kind === "name" && COMMAND_WORDS.has(token.text)) {
      this.#cursor.take(token)
      if (token.text === "let") return this.#definition(token.start)
      const text = this.#cursor.peek("value")
      if (text.kind !== "string") {
        const what = token.text === "import" ? "what to import" : token.text === "save" ? "a file name" : "a label"
        this.#cursor.fail(text, `expected ${what} in quotes after ${quote(token.text)}, found ${describe(text)}`)
      }
      this.#cursor.take(text)
      const value = text.text.slice(1, -1)
      const start = token.start
      if (token.text === "import") {
        return { kind: "import", path: value, pathSpan: spanOf(text), span: { start, end: text.end } }
      }
      const expression = this.#expressions.read()
      const span = { start, end: this.#cursor.end }
      return token.text === "save"
        ? { kind: "save", target: value, value: expression, span }
        : { kind: "print", label: value, value: expression, span }
    }
    if (token.kind !== "name" && token.kind !== "operator") {
      this.#cursor.fail(token, `expected a command (let, print, save, import or NAME = …), found ${describe(token)}`)
    }
    if (!this.#cursor.isDefinition(token.start, "loose")) this.#failAtName(token)
    return this.#definition(token.start)
  }

  /** Says why a name does not begin a command. */
  #failAtName(token: Token): never {
    const next = this.#cursor.lexer.token(token.end, "after")
    if (token.text === "load" && next.kind === "name") {
      this.#cursor.fail(token, 'there is no `load` command: write NAME = ReadImage("file")')
    }
    const isAlone = next.kind === "name" || next.kind === "end" || next.kind === "string"
    const expected = isAlone ? "an operator or a command" : "a command"
    this.#cursor.fail(token, `expected ${expected} (let, print, save, import or NAME = …), found ${describe(token)}`)
  }

  #definition(start: number): Command {
    const name = this.#cursor.peek("definition")
    if (name.kind !== "name" && name.kind !== "operator") {
      this.#cursor.fail(name, `expected the name to define, found ${describe(name)}`)
    }
    this.#cursor.refuseWord(name)
    this.#cursor.take(name)
    const parameters = this.#cursor.peek("after").kind === "(" ? this.#parameters() : null
    this.#cursor.equals()
    if (parameters === null && isUpperCase(name.text)) this.#cursor.lexer.values.add(name.text)
    const body = this.#expressions.read()
    if (name.kind === "operator") {
      if (name.text === "=") this.#cursor.definesEquals = true
      if (/^[A-Z]/.test(name.text)) this.#cursor.lexer.joined.add(name.text)
    }
    const span = { start, end: this.#cursor.end }
    return { kind: "let", name: name.text, nameSpan: spanOf(name), parameters, body, span }
  }

  #parameters(): Binder[] {
    this.#cursor.take(this.#cursor.peek("after"))
    const parameters: Binder[] = []
    if (this.#cursor.peek("definition").kind === ")") {
      this.#cursor.take(this.#cursor.peek("definition"))
      return parameters
    }
    for (;;) {
      parameters.push(this.#cursor.binder("the name of a parameter"))
      const next = this.#cursor.peek("after")
      if (next.kind !== "," && next.kind !== ")") {
        this.#cursor.fail(next, `expected a comma or a closing parenthesis, found ${describe(next)}`)
      }
      this.#cursor.take(next)
      if (next.kind === ")") return parameters
    }
  }

  /** Goes on where the next command begins, on a line of its own, after the one that began at `start` and failed. */
  #recover(start: number): void {
    const lexer = this.#cursor.lexer
    let at = this.#cursor.at
    if (at === start || !lexer.isFirstOnLine(at)) at = this.#nextLine(at)
    for (;;) {
      const token = lexer.token(at, "definition")
      this.#cursor.at = token.start
      if (token.kind === "end") return
      const isWord = token.kind === "name" && COMMAND_WORDS.has(token.text)
      if (isWord || this.#cursor.isDefinition(token.start, "loose")) return
      at = this.#nextLine(token.start)
    }
  }

  #nextLine(at: number): number {
    const end = this.#cursor.lexer.text.indexOf("\n", at)
    return end === -1 ? this.#cursor.lexer.text.length : end + 1
  }
}
