/**
 * Expressions, from tokens to trees. Frames on a stack are what waits for a value; one loop reads values and gives each to
 * the frame on top, so that nothing here depends on how deeply a program is nested.
 */
import { describe, spanOf, type Cursor } from "./cursor.ts"
import { isUpperCase, type Token } from "./lexer.ts"
import { quote } from "./problem.ts"
import { WORDS, type Binder, type CallExpression, type Expression, type Spelling } from "./syntax.ts"

/** What waits for a value. `start` is where it began, which may be before its first part. */
type Frame =
  | { readonly kind: "group"; readonly start: number; readonly pairs: boolean }
  | {
      readonly kind: "arguments"
      readonly start: number
      readonly callee: Token
      readonly items: Expression[]
      readonly pairs: boolean
    }
  | { readonly kind: "list"; readonly start: number; readonly items: Expression[]; readonly pairs: boolean }
  | { readonly kind: "index"; readonly start: number; readonly sequence: Expression; readonly pairs: boolean }
  | SliceFrame
  | { readonly kind: "prefix"; readonly start: number; readonly operator: Token }
  | { readonly kind: "infix"; readonly start: number; readonly left: Expression; readonly operator: Token }
  | LetFrame
  | { readonly kind: "let-body"; readonly start: number; readonly binder: Binder; readonly value: Expression }
  | {
      readonly kind: "loop-sequence"
      readonly start: number
      readonly loop: "for" | "filter"
      readonly binder: Binder
      readonly pairs: boolean
    }
  | {
      readonly kind: "loop-body"
      readonly start: number
      readonly loop: "for" | "filter"
      readonly binder: Binder
      readonly sequence: Expression
    }
  | { readonly kind: "fold-first"; readonly start: number; readonly operator: Token; readonly pairs: boolean }
  | FoldFrame

interface SliceFrame {
  readonly kind: "slice"
  readonly start: number
  readonly sequence: Expression
  readonly from: Expression | null
  readonly pairs: boolean
}

interface LetFrame {
  readonly kind: "let-value"
  readonly start: number
  readonly binder: Binder
  readonly pairs: boolean
}

interface FoldFrame {
  readonly kind: "fold-second"
  readonly start: number
  readonly operator: Token
  readonly first: Expression
  /** Where the first value ended, with its parentheses. */
  readonly end: number
}

interface Closed {
  readonly value: Expression
  readonly progress: Progress
}

/** How far a value is: can it take `[ ]` and operators, or nothing more. */
type Progress = "primary" | "complete"

export class ExpressionParser {
  readonly #cursor: Cursor
  readonly #frames: Frame[] = []
  /** Where the value at hand began, with its parentheses. */
  #valueStart = 0
  /** Whether two values may stand in a row: within the first value of a fold, outside brackets. */
  #pairs = false
  /** Where a `let` after the first value of a fold turned out to be a command. */
  readonly #commandLets = new Set<number>()

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** Reads one expression, from the first token on that may begin it to the last that may belong to it. */
  read(): Expression {
    const frames = this.#frames
    frames.length = 0
    this.#pairs = false
    for (;;) {
      let value = this.#value()
      let progress: Progress = "primary"
      while (value !== null) {
        if (progress === "primary") {
          if (this.#hasBracket(value)) {
            value = this.#bracket(value)
            continue
          }
          value = this.#applyOperators(value)
          if (this.#takesInfix(value)) break
        }
        const top = frames.at(-1)
        if (top === undefined) return value
        const closed = this.#close(top, value)
        value = closed?.value ?? null
        progress = closed?.progress ?? "primary"
      }
    }
  }

  /** Where a value is expected: a value that is complete in itself, or null when a part of it is expected next. */
  #value(): Expression | null {
    const token = this.#cursor.peek("value")
    this.#valueStart = token.start
    switch (token.kind) {
      case "number":
        this.#cursor.take(token)
        return { kind: "number", value: Number(token.text), span: spanOf(token) }
      case "string":
        this.#cursor.take(token)
        return { kind: "string", value: token.text.slice(1, -1), span: spanOf(token) }
      case "name":
        return WORDS.has(token.text) ? this.#word(token) : this.#name(token)
      case "operator":
        this.#cursor.take(token)
        if (this.#cursor.peek("after").kind === "(") return this.#openArguments(token)
        this.#frames.push({ kind: "prefix", start: token.start, operator: token })
        return null
      case "(":
        this.#cursor.take(token)
        this.#open({ kind: "group", start: token.start, pairs: this.#pairs })
        return null
      case "[": {
        this.#cursor.take(token)
        const next = this.#cursor.peek("value")
        if (next.kind === "]") {
          this.#cursor.take(next)
          return { kind: "list", items: [], span: { start: token.start, end: next.end } }
        }
        this.#open({ kind: "list", start: token.start, items: [], pairs: this.#pairs })
        return null
      }
      default:
        return this.#failAtValue(token)
    }
  }

  #failAtValue(token: Token): never {
    const top = this.#frames.at(-1)
    if (top?.kind !== "prefix" && top?.kind !== "infix") {
      return this.#cursor.fail(token, `expected a value, found ${describe(token)}`)
    }
    const operator = top.operator.text
    const isJoined = /^[A-Z]/.test(operator) && !isUpperCase(operator)
    const hint = isJoined
      ? ` (upper-case letters and the symbols next to them are one operator: put spaces between)`
      : ""
    return this.#cursor.fail(token, `expected a value after ${quote(operator)}, found ${describe(token)}${hint}`)
  }

  #word(token: Token): Expression | null {
    if (token.text === "true" || token.text === "false") {
      this.#cursor.take(token)
      return { kind: "boolean", value: token.text === "true", span: spanOf(token) }
    }
    if (token.text === "in" || token.text === "do") {
      this.#cursor.fail(token, `expected a value before ${quote(token.text)}`)
    }
    const top = this.#frames.at(-1)
    if (top?.kind === "prefix" || top?.kind === "infix") {
      const operator = top.operator.text
      if (operator === ";")
        this.#cursor.fail(top.operator, "commands need nothing between them: leave out the semicolon")
      const name = this.#cursor.lexer.token(token.end, "definition")
      if (token.text === "let" && this.#cursor.isDefinition(name.start, "loose")) {
        this.#cursor.fail(token, `expected a value after ${quote(operator)}, found ${quote(token.text)}`)
      }
      this.#cursor.fail(token, `put ${quote(token.text)} … in parentheses next to the operator ${quote(operator)}`)
    }
    this.#cursor.take(token)
    if (token.text === "fold") return this.#fold(token)
    const binder = this.#cursor.binder(`the name of a variable after ${quote(token.text)}`)
    if (token.text === "let") {
      this.#cursor.equals()
      this.#open({ kind: "let-value", start: token.start, binder, pairs: this.#pairs })
      return null
    }
    this.#cursor.expectWord("in")
    const loop = token.text === "for" ? "for" : "filter"
    this.#open({ kind: "loop-sequence", start: token.start, loop, binder, pairs: this.#pairs })
    return null
  }

  #fold(token: Token): null {
    const operator = this.#cursor.peek("after")
    if (operator.kind !== "operator" && operator.text !== "min" && operator.text !== "max") {
      this.#cursor.fail(operator, `expected an operator after ${quote("fold")}, found ${describe(operator)}`)
    }
    this.#cursor.take(operator)
    this.#frames.push({ kind: "fold-first", start: token.start, operator, pairs: this.#pairs })
    this.#pairs = true
    return null
  }

  #name(token: Token): Expression | null {
    this.#cursor.take(token)
    const next = this.#cursor.peek("after")
    if (next.kind === "(") return this.#openArguments(token)
    if (!this.#pairs && isUpperCase(token.text) && this.#isPrefixed(next)) {
      this.#frames.push({ kind: "prefix", start: token.start, operator: token })
      return null
    }
    return { kind: "name", name: token.text, span: spanOf(token) }
  }

  /** Whether what follows an upper-case name is what that is applied to. */
  #isPrefixed(next: Token): boolean {
    if (next.kind === "number" || next.kind === "string") return true
    if (next.kind !== "name") return false
    if (WORDS.has(next.text)) return next.text === "true" || next.text === "false"
    return !this.#cursor.isCommand(next)
  }

  #openArguments(callee: Token): Expression | null {
    this.#cursor.take(this.#cursor.peek("after"))
    const next = this.#cursor.peek("value")
    if (next.kind === ")") {
      this.#cursor.take(next)
      return this.#call(callee, [], "call", callee.start)
    }
    this.#open({ kind: "arguments", start: callee.start, callee, items: [], pairs: this.#pairs })
    return null
  }

  /** Begins something that ends with a mark of its own, so that within it a value stands alone. */
  #open(frame: Frame): void {
    this.#frames.push(frame)
    this.#pairs = false
  }

  /** Whether `[` follows a value and belongs to it. */
  #hasBracket(value: Expression): boolean {
    if (this.#cursor.peek("after").kind !== "[") return false
    const isLiteral = value.kind === "number" || value.kind === "boolean"
    return !(isLiteral && this.#frames.at(-1)?.kind === "fold-first")
  }

  /** Reads `[` after a value; all of `[:]`, since no value is in it. */
  #bracket(sequence: Expression): Expression | null {
    this.#cursor.take(this.#cursor.peek("after"))
    const start = this.#valueStart
    const next = this.#cursor.peek("value")
    if (next.kind !== "operator" || next.text !== ":") {
      this.#open({ kind: "index", start, sequence, pairs: this.#pairs })
      return null
    }
    this.#cursor.take(next)
    return this.#sliceFrom({ kind: "slice", start, sequence, from: null, pairs: this.#pairs })
  }

  /** What follows the colon of a slice: its end, or a value. */
  #sliceFrom(frame: SliceFrame): Expression | null {
    this.#open(frame)
    return this.#cursor.peek("value").kind === "]" ? this.#closeSlice(frame, null) : null
  }

  #closeSlice(frame: SliceFrame, stop: Expression | null): Expression {
    this.#expectClosing(frame, "]")
    const { sequence, from } = frame
    return { kind: "slice", sequence, start: from, stop, span: this.#cursor.spanFrom(frame.start) }
  }

  /** Applies what stands before a value to it: prefix operators, and then the infix one it is on the right of. */
  #applyOperators(operand: Expression): Expression {
    let value = operand
    for (let top = this.#frames.at(-1); top?.kind === "prefix"; top = this.#frames.at(-1)) {
      this.#frames.pop()
      value = this.#call(top.operator, [value], "prefix", top.start)
      this.#valueStart = top.start
    }
    const top = this.#frames.at(-1)
    if (top?.kind !== "infix") return value
    this.#frames.pop()
    this.#valueStart = top.start
    return this.#call(top.operator, [top.left, value], "infix", top.start)
  }

  /** Reads an operator after a value, if there is one. */
  #takesInfix(left: Expression): boolean {
    const token = this.#cursor.peek("after")
    if (token.kind === "operator") {
      if (token.text === ":") return false
      const mayBegin = !this.#cursor.definesEquals && this.#cursor.lexer.isFirstOnLine(token.start)
      if (mayBegin && this.#cursor.isDefinition(token.start, "strict")) return false
    } else {
      const isInfix = token.kind === "name" && !this.#pairs && isUpperCase(token.text)
      if (!isInfix || this.#cursor.isDefinition(token.start, "strict")) return false
    }
    this.#cursor.take(token)
    this.#frames.push({ kind: "infix", start: this.#valueStart, left, operator: token })
    return true
  }

  /** Gives a complete expression to what waited for it. Null when another one is expected next. */
  #close(top: Frame, value: Expression): Closed | null {
    const frames = this.#frames
    switch (top.kind) {
      case "group":
        this.#expectClosing(top, ")")
        return { value, progress: "primary" }
      case "arguments": {
        top.items.push(value)
        if (this.#takesComma(")")) return null
        this.#expectClosing(top, ")")
        const isPrefix = top.items.length === 1 && top.callee.kind === "operator"
        const call = this.#call(top.callee, top.items, isPrefix ? "prefix" : "call", top.start)
        return { value: call, progress: "primary" }
      }
      case "list":
        top.items.push(value)
        if (this.#takesComma("]")) return null
        this.#expectClosing(top, "]")
        return {
          value: { kind: "list", items: top.items, span: this.#cursor.spanFrom(top.start) },
          progress: "primary",
        }
      case "index": {
        const colon = this.#cursor.peek("after")
        if (colon.kind === "operator" && colon.text === ":") {
          this.#cursor.take(colon)
          frames.pop()
          const slice = this.#sliceFrom({ ...top, kind: "slice", from: value })
          return slice === null ? null : { value: slice, progress: "primary" }
        }
        this.#expectClosing(top, "]")
        const span = this.#cursor.spanFrom(top.start)
        return { value: { kind: "index", sequence: top.sequence, index: value, span }, progress: "primary" }
      }
      case "slice":
        return { value: this.#closeSlice(top, value), progress: "primary" }
      case "let-value":
        return this.#closeLetValue(top, value)
      case "let-body": {
        frames.pop()
        const { binder, start } = top
        const span = this.#cursor.spanFrom(start)
        return { value: { kind: "let-in", binder, value: top.value, body: value, span }, progress: "complete" }
      }
      case "loop-sequence":
        this.#cursor.expectWord("do")
        this.#pairs = top.pairs
        frames[frames.length - 1] = { ...top, kind: "loop-body", sequence: value }
        return null
      case "loop-body": {
        frames.pop()
        const { binder, sequence, start, loop } = top
        return {
          value: { kind: loop, binder, sequence, body: value, span: this.#cursor.spanFrom(start) },
          progress: "complete",
        }
      }
      case "fold-first": {
        this.#pairs = top.pairs
        if (this.#beginsSecond()) {
          const { start, operator } = top
          frames[frames.length - 1] = { kind: "fold-second", start, operator, first: value, end: this.#cursor.end }
          return null
        }
        return this.#closeFold(top.operator, null, value, top.start)
      }
      case "fold-second":
        return this.#closeFold(top.operator, top.first, value, top.start)
      case "prefix":
      case "infix":
        // They are applied before anything is closed.
        throw new Error(`a ${top.kind} operator is left over`)
    }
  }

  #closeLetValue(top: LetFrame, value: Expression): Closed | null {
    const frames = this.#frames
    this.#pairs = top.pairs
    const token = this.#cursor.peek("after")
    if (token.kind === "name" && token.text === "in") {
      this.#cursor.take(token)
      frames[frames.length - 1] = { kind: "let-body", start: top.start, binder: top.binder, value }
      return null
    }
    const below = frames.at(-2)
    if (below?.kind !== "fold-second")
      return this.#cursor.fail(token, `expected ${quote("in")}, found ${describe(token)}`)
    // The fold had one value, and the `let` is the next command. It is looked at no more than twice.
    this.#commandLets.add(top.start)
    frames.pop()
    this.#cursor.at = top.start
    this.#cursor.end = below.end
    return this.#closeFold(below.operator, null, below.first, below.start)
  }

  #closeFold(operator: Token, initial: Expression | null, sequence: Expression, start: number): Closed {
    this.#frames.pop()
    const span = this.#cursor.spanFrom(start)
    const operatorSpan = spanOf(operator)
    return {
      value: { kind: "fold", operator: operator.text, operatorSpan, initial, sequence, span },
      progress: "complete",
    }
  }

  /** Whether a second value follows the first one of a fold. */
  #beginsSecond(): boolean {
    const token = this.#cursor.peek("after")
    if (token.kind === "(" || token.kind === "[" || token.kind === "string" || token.kind === "number") return true
    if (token.kind !== "name" || token.text === "in" || token.text === "do") return false
    if (token.text !== "let") return WORDS.has(token.text) || !this.#cursor.isCommand(token)
    // Only a command defines an operator or a function.
    const name = this.#cursor.lexer.token(token.end, "definition")
    const isVariable = name.kind === "name" && this.#cursor.lexer.token(name.end, "after").kind !== "("
    return isVariable && !this.#commandLets.has(token.start)
  }

  #call(callee: Token, args: readonly Expression[], spelling: Spelling, start: number): CallExpression {
    const span = this.#cursor.spanFrom(start)
    return { kind: "call", callee: callee.text, calleeSpan: spanOf(callee), arguments: args, spelling, span }
  }

  #takesComma(closing: string): boolean {
    const token = this.#cursor.peek("after")
    if (token.kind === ",") {
      this.#cursor.take(token)
      return true
    }
    if (token.kind === closing) return false
    return this.#cursor.fail(token, `expected an operator, a comma or ${quote(closing)}, found ${describe(token)}`)
  }

  /** Reads the mark that ends a frame, and leaves the frame. */
  #expectClosing(frame: Frame & { readonly pairs: boolean }, closing: string): void {
    const token = this.#cursor.peek("after")
    if (token.kind !== closing) {
      this.#cursor.fail(token, `expected an operator or ${quote(closing)}, found ${describe(token)}`)
    }
    this.#cursor.take(token)
    this.#frames.pop()
    this.#pairs = frame.pairs
    this.#valueStart = frame.start
  }
}
