/** What a step changed, gathered so that one row tells it: uids of the same folder and kind are one set of ranges. */
import type { Change, UidRange } from './model.ts'

type Uids = { readonly uids: readonly number[]; readonly toUids?: readonly number[] }
/** A change whose uids are single numbers still. */
export type NotedChange = { readonly change: Change } & Uids

const labelOf = ({ change }: Pick<NotedChange, 'change'>) => {
  const { type } = change
  if (type === 'label') return `${type} ${change.label}`
  if (type === 'thread') return `${type} ${change.thread}`
  return type === 'moved' ? `${type} ${change.folder} ${change.to}` : `${type} ${change.folder}`
}

/** Adds a change, to one of the same kind and folder if there is one. */
export function noted(all: readonly NotedChange[], change: Change): readonly NotedChange[] {
  const added = {
    change,
    uids: 'uids' in change ? uidsIn(change.uids) : [],
    ...(change.type === 'moved' && { toUids: uidsIn(change.toUids) }),
  }
  const at = all.findIndex((one) => labelOf(one) === labelOf(added))
  const found = all[at]
  if (found === undefined) return [...all, added]
  const uids = [...found.uids, ...added.uids]
  const joined = { ...found, uids, ...(added.toUids && { toUids: [...(found.toUids ?? []), ...added.toUids] }) }
  return all.with(at, joined)
}

export function storedChanges(all: readonly NotedChange[]): readonly Change[] {
  return all.map(({ change, uids, toUids }) => {
    if (change.type === 'moved') return { ...change, uids: rangesOf(uids), toUids: rangesOf(toUids ?? []) }
    return 'uids' in change ? { ...change, uids: rangesOf(uids) } : change
  })
}

/** The ranges of numbers, in their order. */
export function rangesOf(uids: readonly number[]): readonly UidRange[] {
  const ranges: [number, number][] = []
  for (const uid of uids) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] + 1 === uid) last[1] = uid
    else ranges.push([uid, uid])
  }
  return ranges
}

/** The numbers of ranges, in their order. */
export function uidsIn(ranges: readonly UidRange[]): readonly number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
}
