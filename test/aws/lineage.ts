/**
 * Lambda's detection of recursive loops: each request that a function makes carries how often the functions of its chain
 * were invoked, in `Lineage` of X-Amzn-Trace-Id, and a queue hands it on with the entry. A function that is invoked in one
 * chain for the 17th time is not: the entry is a dead letter. AWS does not say how a batch of several chains counts; here
 * the longest one does. FunctionRecursionConfig is not looked at, because no function of ours should need it.
 */
export type Lineage = ReadonlyMap<string, number>

const MAX_INVOCATIONS = 16
/** The message attribute that carries a lineage in the stand-in of SQS; AWS has a system attribute for it. */
export const LINEAGE_ATTRIBUTE = 'Lineage'

/** Reads `Root=…;Lineage=send:1|notify:2` of a trace header, or the text of a lineage alone. */
export function lineageOf(text: string | undefined): Lineage {
  const [, pairs = ''] = /(?:^|Lineage=)((?:[\w-]+:\d+\|?)+)$/.exec(text ?? '') ?? []
  return new Map(pairs.split('|').flatMap((pair) => (pair === '' ? [] : [countOf(pair)])))
}

function countOf(pair: string): [string, number] {
  const [name = '', times] = pair.split(':')
  return [name, Number(times)]
}

export const lineageText = (lineage: Lineage): string => [...lineage].map((pair) => pair.join(':')).join('|')

export const isLoop = (lineage: Lineage, name: string): boolean => (lineage.get(name) ?? 0) >= MAX_INVOCATIONS

/** The lineage of an invocation of a function by entries with these lineages. */
export function invoked(lineages: readonly Lineage[], name: string): Lineage {
  const counts = new Map<string, number>()
  for (const lineage of lineages) {
    for (const [other, times] of lineage) counts.set(other, Math.max(times, counts.get(other) ?? 0))
  }
  return counts.set(name, (counts.get(name) ?? 0) + 1)
}
