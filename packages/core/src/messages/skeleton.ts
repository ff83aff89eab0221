/**
 * What mails of one template share. A mail is cut after each `>` and each end of a line, so that a piece is a tag or what
 * stands before one; a skeleton is the pieces that several mails have, in their order.
 */
const CUT = /(?<=>|\\n)/
/** As far back as a dictionary is worth its place. */
const MAX_SKELETON = 32 * 1024
const SKETCH = 8
/** Shorter pieces are in every mail of anybody. */
const TELLING = 16

/** Of the JSON of a mail: 8 numbers that mails of one template mostly share, and others do not. */
export type Sketch = readonly number[]

/** The smallest hashes of its pieces, in order. */
export function sketchOf(json: string): Sketch {
  const least: number[] = []
  let [hash, from] = [0, 0]
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    hash = Math.imul(hash ^ code, 0x01000193)
    const ends = code === 0x3e || (code === 0x6e && json.charCodeAt(at - 1) === 0x5c)
    if (!ends) continue
    if (at - from >= TELLING) keepLeast(least, mixed(hash))
    hash = 0
    from = at + 1
  }
  return least
}

/** Spreads what FNV leaves in the low bits (the last step of MurmurHash3). */
function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function keepLeast(least: number[], hash: number): void {
  const last = least.at(-1)
  if (least.length === SKETCH && last !== undefined && hash >= last) return
  const place = least.findIndex((one) => one >= hash)
  if (least[place] === hash) return
  least.splice(place < 0 ? least.length : place, 0, hash)
  if (least.length > SKETCH) least.pop()
}

/** From half of their sketches on, two mails are of one template. */
export function isAlike(a: Sketch, b: Sketch): boolean {
  return likeness(a, b) >= SKETCH / 2
}

export function likeness(a: Sketch, b: Sketch): number {
  return a.filter((one) => b.includes(one)).length
}

/** The pieces of `json` that each of the others has as well; at most 32 K characters. */
export function skeletonOf(json: string, others: readonly string[]): string {
  const sets = others.map((other) => new Set(other.split(CUT)))
  const shared = json.split(CUT).filter((piece) => sets.every((set) => set.has(piece)))
  return shared.join('').slice(0, MAX_SKELETON)
}
