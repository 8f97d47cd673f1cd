/**
 * From characters to tokens. What a token is depends on where it stands, so the parser asks for one at a place in a mode
 * instead of being handed a list: `-1` is a number where a value is expected and a minus after one.
 *
 * How the doubtful cases are read:
 *
 * - **Signs.** Where a value is expected, a sign directly before a digit belongs to the number. After a value it is an
 *   operator, so that `x-1`, `x -1`, `x+1` and `1+2` mean what they look like.
 * - **Operators** are runs of ``# ; : _ ' . | ! $ % & / ^ = * - + < > ? @ ~ \`` as long as possible: `.<=`, `./.`, `|.`,
 *   `~>` and `+?` are one each, and so is `*-` in `a*-1`, as in the original; the checker says so when nobody defines it.
 *   `//` begins a comment, also within a run.
 * - **Numbers** take a point that follows their digits: `1.<=.2` is `1. <=. 2`.
 * - **Upper case.** Letters A-Z and digits join the symbols next to them into one operator: `B+`, `N-1`. They do not join
 *   `:`, so that `xs[A:B]` is a slice, nor `_`, which belongs to names (`T_MAX`). Where such letters are known to name a
 *   value ({@link Lexer.values}) they stay apart: after `N = 5`, `N-1` is a subtraction, unless `N-1` itself is defined.
 * - **`_`** begins a name where a value is expected (`_x`); after a value it is an operator, unless it begins a definition.
 *   Underscores alone are an operator, but may be defined like a name: `for _ in xs do 1`.
 * - **`$`** directly before a lower-case letter begins a name: `$stem`.
 * - **Strings** end on their line. Nothing in them is unescaped: a backslash keeps a quote from ending the string, and stays.
 * - **Names** take one dot and the name after it: `simpleitk.ReadImage`. All upper case, they take none: `N.b` is `N. b`.
 */

export type TokenKind = "name" | "operator" | "number" | "string" | "(" | ")" | "[" | "]" | "," | "end" | "wrong"

/**
 * Where a token is expected: a `value`, something after a value, or the name that a `definition` gives. In a definition
 * upper-case letters do not join `=`, so that `N=5` defines `N`.
 */
export type Mode = "value" | "after" | "definition"

export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  readonly text: string
}

const LOWER = 1
const UPPER = 2
const DIGIT = 4
const SYMBOL = 8
const SPACE = 16
const UNDERSCORE = 32
const NAME_PART: number = LOWER | UPPER | DIGIT | UNDERSCORE

const CLASSES: Uint8Array = makeClasses()

function makeClasses(): Uint8Array {
  const classes = new Uint8Array(128)
  const mark = (chars: string, bit: number) => {
    for (const char of chars) classes[char.charCodeAt(0)] = (classes[char.charCodeAt(0)] ?? 0) | bit
  }
  mark("abcdefghijklmnopqrstuvwxyz", LOWER)
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER)
  mark("0123456789", DIGIT)
  mark("#;:_'.|!$%&/^=*-+<>?@~\\", SYMBOL)
  mark(" \t\f\r\n", SPACE)
  mark("_", UNDERSCORE)
  return classes
}

export class Lexer {
  readonly text: string
  /** Upper-case names that are known to be values. */
  readonly values: Set<string> = new Set<string>()
  /** Operators of upper-case letters and symbols that are known to be defined: the library's one to begin with. */
  readonly joined: Set<string> = new Set<string>(["B+"])

  constructor(text: string) {
    this.text = text
  }

  /** The token at or after a place. */
  token(from: number, mode: Mode): Token {
    const start = this.skipBlank(from)
    if (start >= this.text.length) return this.#make("end", start, start)
    const char = this.text.charAt(start)
    if (char === "(" || char === ")" || char === "[" || char === "]" || char === ",") {
      return this.#make(char, start, start + 1)
    }
    if (char === '"') return this.#string(start)
    const bits = this.#bits(start)
    if ((bits & DIGIT) !== 0 || (mode === "value" && this.#beginsNumber(start))) {
      return this.#make("number", start, this.#numberEnd(start))
    }
    if ((bits & UPPER) !== 0) return this.#upper(start, mode)
    if ((bits & LOWER) !== 0 || this.#isName(start, mode)) return this.#make("name", start, this.#nameEnd(start))
    if ((bits & SYMBOL) !== 0) return this.#make("operator", start, this.#operatorEnd(start))
    // A character of two halves is one.
    const isPair = (this.text.codePointAt(start) ?? 0) > 0xffff
    return this.#make("wrong", start, isPair ? start + 2 : start + 1)
  }

  /** The first place from there on that is neither blank nor in a comment. */
  skipBlank(from: number): number {
    let at = from
    // Some editors put a mark before the first character.
    if (at === 0 && this.text.startsWith("\uFEFF")) at = 1
    for (;;) {
      while ((this.#bits(at) & SPACE) !== 0) at += 1
      if (!this.#isComment(at)) return at
      const end = this.text.indexOf("\n", at)
      if (end === -1) return this.text.length
      at = end + 1
    }
  }

  /** Whether nothing but blanks stands before a place on its line. */
  isFirstOnLine(at: number): boolean {
    let before = at - 1
    while (before >= 0 && this.text[before] !== "\n" && (this.#bits(before) & SPACE) !== 0) before -= 1
    return before < 0 || this.text[before] === "\n" || this.text[before] === "\uFEFF"
  }

  #string(start: number): Token {
    for (let at = start + 1; at < this.text.length; at += 1) {
      const char = this.text[at]
      if (char === "\n") return this.#make("wrong", start, at)
      if (char === "\\" && this.text[at + 1] !== "\n") at += 1
      else if (char === '"') return this.#make("string", start, at + 1)
    }
    return this.#make("wrong", start, this.text.length)
  }

  /** `5`, `.5`, and these with a sign. */
  #beginsNumber(start: number): boolean {
    let at = start
    if (this.text[at] === "-" || this.text[at] === "+") at += 1
    if (this.text[at] === ".") at += 1
    return (this.#bits(at) & DIGIT) !== 0
  }

  #numberEnd(start: number): number {
    let at = start
    if (this.text[at] === "-" || this.text[at] === "+") at += 1
    at = this.#runEnd(at, DIGIT)
    if (this.text[at] === ".") at = this.#runEnd(at + 1, DIGIT)
    if (this.text[at] !== "e" && this.text[at] !== "E") return at
    const digits = this.text[at + 1] === "-" || this.text[at + 1] === "+" ? at + 2 : at + 1
    return (this.#bits(digits) & DIGIT) === 0 ? at : this.#runEnd(digits, DIGIT)
  }

  /** A token that begins with an upper-case letter: a name, or an operator such as `B+`. */
  #upper(start: number, mode: Mode): Token {
    const letters = this.#runEnd(start, UPPER | DIGIT | UNDERSCORE)
    if ((this.#bits(letters) & LOWER) !== 0) return this.#make("name", start, this.#nameEnd(start))
    let end = letters
    for (;;) {
      const char = this.text[end]
      if (char === ":" || (char === "=" && mode === "definition") || this.#isComment(end)) break
      const bits = this.#bits(end)
      // Letters after the first symbol belong to it only if symbols and upper case is all there is: `A+Bc` is `A+ Bc`.
      if ((bits & SYMBOL) === 0 && (end === letters || !this.#isUpperWord(end))) break
      end = (bits & SYMBOL) === 0 ? this.#runEnd(end, UPPER | DIGIT) : end + 1
    }
    if (end === letters) return this.#make("name", start, end)
    const isSeparate = this.values.has(this.text.slice(start, letters)) && !this.joined.has(this.text.slice(start, end))
    return mode === "value" && isSeparate ? this.#make("name", start, letters) : this.#make("operator", start, end)
  }

  /** Whether letters from there on are upper case and digits, to their end. */
  #isUpperWord(start: number): boolean {
    const end = this.#runEnd(start, UPPER | DIGIT)
    return end > start && (this.#bits(end) & LOWER) === 0
  }

  /** Whether `_` or `$` begins a name there. */
  #isName(start: number, mode: Mode): boolean {
    if (this.text[start] === "$") return (this.#bits(start + 1) & LOWER) !== 0
    if (this.text[start] !== "_" || mode === "after") return false
    const next = this.#bits(this.#runEnd(start, UNDERSCORE))
    return mode === "definition" ? (next & SYMBOL) === 0 : (next & NAME_PART) !== 0
  }

  #nameEnd(start: number): number {
    if (this.text[start] === "$") return this.#runEnd(start + 1, LOWER | DIGIT | UNDERSCORE)
    const end = this.#runEnd(start + 1, NAME_PART)
    const hasDot = this.text[end] === "." && (this.#bits(end + 1) & (LOWER | UPPER | UNDERSCORE)) !== 0
    return hasDot ? this.#runEnd(end + 1, NAME_PART) : end
  }

  #runEnd(start: number, bits: number): number {
    let at = start
    while ((this.#bits(at) & bits) !== 0) at += 1
    return at
  }

  #operatorEnd(start: number): number {
    let at = start
    while ((this.#bits(at) & SYMBOL) !== 0 && !this.#isComment(at)) at += 1
    return at
  }

  #isComment(at: number): boolean {
    return this.text[at] === "/" && this.text[at + 1] === "/"
  }

  #bits(at: number): number {
    return CLASSES[this.text.charCodeAt(at)] ?? 0
  }

  #make(kind: TokenKind, start: number, end: number): Token {
    return { kind, start, end, text: this.text.slice(start, end) }
  }
}

/** Whether a name is all upper case, as those are that may stand before or between values: `N a`, `4 SUM 9`. */
export function isUpperCase(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name)
}

/** Whether a text is one name and no operator. */
export function isName(text: string): boolean {
  const token = new Lexer(text).token(0, "value")
  return token.kind === "name" && token.start === 0 && token.end === text.length
}
