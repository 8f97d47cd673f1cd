/**
 * A place in a text that is being parsed: what comes next, what was read, and what went wrong there.
 */
import { Lexer, isUpperCase, type Mode, type Token } from "./lexer.ts"
import { quote, type Problem } from "./problem.ts"
import { COMMAND_WORDS, WORDS, type Binder, type Span } from "./syntax.ts"

/** Thrown to get out of a command that makes no sense, after its problem is noted; never leaves the parser. */
export class Stop extends Error {}

export class Cursor {
  readonly problems: Problem[] = []
  readonly file: string
  readonly lexer: Lexer
  /** All before this is read. */
  at = 0
  /** Where the last token read ended. */
  end = 0
  /** Whether the program defines an operator `=`, so that it may stand between values. */
  definesEquals = false

  #peeked: Token = { kind: "end", start: 0, end: 0, text: "" }
  #peekedAt = -1
  #peekedIn: Mode = "after"

  constructor(source: string, file: string) {
    this.lexer = new Lexer(source)
    this.file = file
  }

  /**
   * Whether a definition begins there: a name or operator, its parameters if any, and `=`. To be `strict`, `=` must not be
   * joined with anything that would make another operator of it, unless several names in parentheses are before it.
   */
  isDefinition(start: number, manner: "strict" | "loose"): boolean {
    const name = this.lexer.token(start, "definition")
    if (name.kind !== "name" && name.kind !== "operator") return false
    let next = this.lexer.token(name.end, "after")
    let isList = false
    if (next.kind === "(") {
      next = this.lexer.token(next.end, "definition")
      while (next.kind === "name") {
        next = this.lexer.token(next.end, "after")
        if (next.kind !== ",") continue
        isList = true
        next = this.lexer.token(next.end, "definition")
      }
      if (next.kind !== ")") return false
      next = this.lexer.token(next.end, "after")
    }
    if (next.kind !== "operator") return false
    return manner === "strict" && !isList ? /^=(?:$|[-+!])/.test(next.text) : /^=(?!=)/.test(next.text)
  }

  /** Whether a name begins a command. */
  isCommand(name: Token): boolean {
    if (COMMAND_WORDS.has(name.text)) {
      return name.text === "let" || this.lexer.token(name.end, "value").kind === "string"
    }
    return this.isDefinition(name.start, "strict")
  }

  binder(what: string): Binder {
    const token = this.peek("definition")
    if (token.kind !== "name") this.fail(token, `expected ${what}, found ${describe(token)}`)
    this.refuseWord(token)
    this.take(token)
    if (isUpperCase(token.text)) this.lexer.values.add(token.text)
    return { name: token.text, span: spanOf(token) }
  }

  refuseWord(token: Token): void {
    if (token.kind !== "name" || !WORDS.has(token.text)) return
    this.fail(token, `${quote(token.text)} is a word of the language: choose another name`)
  }

  /** The `=` of a definition, which may be joined with the operator or number that follows it. */
  equals(): void {
    const token = this.peek("after")
    if (token.kind !== "operator" || !token.text.startsWith("=") || token.text.startsWith("==")) {
      this.fail(token, `expected ${quote("=")}, found ${describe(token)}`)
    }
    this.at = token.start + 1
    this.end = this.at
  }

  expectWord(word: string): void {
    const token = this.peek("after")
    if (token.kind !== "name" || token.text !== word) {
      this.fail(token, `expected ${quote(word)}, found ${describe(token)}`)
    }
    this.take(token)
  }

  /** The next token. Several rules look at the same one, so the last is kept. */
  peek(mode: Mode): Token {
    if (this.at !== this.#peekedAt || mode !== this.#peekedIn) {
      this.#peeked = this.lexer.token(this.at, mode)
      this.#peekedAt = this.at
      this.#peekedIn = mode
    }
    return this.#peeked
  }

  take(token: Token): void {
    this.at = token.end
    this.end = token.end
  }

  spanFrom(start: number): Span {
    return { start, end: this.end }
  }

  fail(token: Token, message: string): never {
    this.at = token.start
    this.problems.push({ code: "E_SYNTAX", message, file: this.file, span: spanOf(token), suggestion: null })
    throw new Stop()
  }
}

export function spanOf({ start, end }: Token): Span {
  return { start, end }
}

export function describe(token: Token): string {
  if (token.kind === "end") return "the end of the text"
  if (token.kind === "wrong" && token.text.startsWith('"')) return "a string that does not end on its line"
  if (token.kind !== "wrong") return quote(token.text)
  const code = (token.text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")
  return `the character U+${code}, which has no meaning here`
}
