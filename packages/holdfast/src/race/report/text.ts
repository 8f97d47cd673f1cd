/**
 * Text in columns: how wide it is, where it is wrapped and cut, and what becomes of characters that would move the cursor,
 * turn the direction of writing, or end a line. Labels come from whatever a program calls things, so they may be anything.
 */

/** As wide as a terminal draws it: two columns for wide characters, none for marks on others. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length
  let width = 0
  for (const { segment } of GRAPHEMES.segment(text)) width += widthOfGrapheme(segment)
  return width
}

/** One line that shows what is in it: control characters, marks of direction and halves of characters as escapes. */
export function readable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u{FEFF}\u{FFF9}-\u{FFFB}]/gu, escapeOf)
}

/** As {@link readable}, but lines stay lines. */
export function readableLines(text: string): string[] {
  return text.split(/\r?\n/).map(readable)
}

/** At most so wide; what is cut off is told by an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  return `${takeWidth(text, width - 1)}…`
}

/** Filled up with spaces to that width. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)))
}

/** Lines at most so wide, broken at spaces or after commas where there are any; the last of `maxLines` is cut. */
export function wrap(text: string, width: number, maxLines: number): string[] {
  const lines: string[] = []
  let rest = text
  while (widthOf(rest) > width && lines.length < maxLines - 1) {
    const fitting = takeWidth(rest, width)
    // A space that comes right after belongs to the line it ends.
    const space = rest.startsWith(" ", fitting.length)
      ? fitting.length
      : Math.max(fitting.lastIndexOf(" "), fitting.lastIndexOf(",") + 1)
    // A word broken early leaves a ragged line that is harder to read than a broken word.
    const end = space > fitting.length / 2 ? space : fitting.length
    lines.push(rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
  }
  lines.push(cut(rest, width))
  return lines
}

/** Text whose every character is a column, as almost all is: taking it apart costs a thousand times as much. */
const NARROW = /^[\u{20}-\u{7E}→…]*$/u

/** A time of a schedule, to as many digits as anybody reads. */
export function showTime(ms: number): string {
  const HUNDREDTHS = 100
  const [value, unit] = ms < 10_000 ? [ms, "ms"] : [ms / 1_000, "s"]
  return `${Math.round(value * HUNDREDTHS) / HUNDREDTHS} ${unit}`
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" })

/** The longest beginning that is no wider; at least one character, so that whoever loops gets on. */
function takeWidth(text: string, width: number): string {
  if (NARROW.test(text)) return text.slice(0, Math.max(1, width))
  let taken = ""
  let left = width
  for (const { segment } of GRAPHEMES.segment(text)) {
    left -= widthOfGrapheme(segment)
    if (left < 0 && taken !== "") break
    taken += segment
    if (left <= 0) break
  }
  return taken
}

/** The East Asian wide and fullwidth blocks, and what is drawn as an emoji. */
const WIDE =
  /\p{Emoji_Presentation}|\u{FE0F}|[\u{1100}-\u{115F}\u{2E80}-\u{303E}\u{3041}-\u{A4CF}\u{A960}-\u{A97C}\u{AC00}-\u{D7A3}\u{F900}-\u{FAFF}\u{FE30}-\u{FE6F}\u{FF01}-\u{FF60}\u{FFE0}-\u{FFE6}\u{1B000}-\u{1B2FF}\u{1F200}-\u{1F2FF}\u{20000}-\u{3FFFD}]/u

function widthOfGrapheme(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return /^[\p{M}\p{Cf}]+$/u.test(grapheme) ? 0 : 1
}

function escapeOf(unit: string): string {
  if (unit === "\n") return String.raw`\n`
  if (unit === "\t") return String.raw`\t`
  return String.raw`\u` + (unit.codePointAt(0) ?? 0).toString(16).padStart(4, "0")
}
