/**
 * Which package may import which (drawn in docs/architecture.md), and rules on names and settings. Tests are exempt from the
 * direction, not from circles.
 */
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { init, parse } from 'es-module-lexer'

/** The right side imports the left; what stands together must not know each other. */
const PACKAGES = [
  ['mail'],
  ['core'],
  ['http', 'smtp', 'imap', 'pop3', 'jmap', 'aws', 'local'],
  ['functions', 'server'],
  ['cli'],
]
/** The order inside core: each may import what stands before it. */
const LAYERS = [
  ['ports', 'errors.ts'],
  ['retry-schedules.ts'],
  ['store'],
  ['net'],
  ['activity'],
  ['accounts'],
  ['webhooks'],
  ['domains', 'suppressions', 'templates', 'messages'],
  ['mailboxes'],
  ['sending'],
  ['feedback'],
  ['conversations'],
  ['receiving'],
  ['due-work.ts'],
]
/** They import no package of ours: one names handlers by path, the others only talk HTTP. */
const APART = new Set(['stacks', 'sst.config.ts', 'console', 'client'])
const MEANINGLESS = /(^|[-.])(utils?|helpers?|common|misc|managers?|services?)([-.]|$)/
const READS_ENVIRONMENT =
  /\bprocess\s*(\?\.|\.)\s*env\b|\bprocess\s*\[\s*['"`]env|import\s*\{[^}]*\benv\b[^}]*\}\s*from\s*'node:process'/
const MAY_READ_ENVIRONMENT = /^(packages\/server\/src\/settings\.ts|functions\/|packages\/cli\/|test\/)/

export type Files = ReadonlyMap<string, string>
type Import = {
  readonly from: string
  readonly line: number
  readonly specifier: string
  readonly target: string | undefined
}

/** Code of tests: it may import every package of ours and what the root installs for development. */
const isTest = (path: string) =>
  /\.(test|contract)\.ts$/.test(path) || path.startsWith('test/') || path.startsWith('packages/testing/')
/** `core` of packages/core/src/errors.ts, `functions` of functions/send.ts. */
const packageOf = (path: string) => path.split('/')[path.startsWith('packages/') ? 1 : 0] ?? ''
const layerOf = (path: string) => path.split('/')[3] ?? ''
const lineOf = (text: string, position: number) => text.slice(0, position).split('\n').length
const rankIn = (groups: readonly (readonly string[])[], name: string) =>
  groups.findIndex((group) => group.includes(name))

await init

/** `path:line: what is wrong`, for sources and package.json files by path. */
export function offences(files: Files): string[] {
  const sources = [...files].filter(([path]) => /\.tsx?$/.test(path))
  const parsed = sources.map(([path, text]) => importsOf(files, path, text))
  const imports = parsed.flatMap((one) => one.imports)
  return [
    ...parsed.flatMap((one) => one.offences),
    ...imports.flatMap(directionOffence),
    ...manifestOffences(files, imports),
    ...circles(imports),
    ...sources.flatMap(([path, text]) => namingOffences(path, text)),
  ].sort()
}

function importsOf(files: Files, from: string, text: string): { imports: Import[]; offences: string[] } {
  const offences: string[] = []
  const imports: Import[] = []
  const add = (position: number, specifier: string | undefined) => {
    const line = lineOf(text, position)
    if (specifier === undefined) offences.push(`${from}:${line}: import() must name its module in a plain string`)
    else imports.push({ from, line, specifier, target: targetOf(files, from, specifier) })
  }
  try {
    const [found] = parse(from.endsWith('.tsx') ? withoutMarkup(text) : text)
    for (const one of found) {
      if (one.type !== 'import-meta') add(one.start, one.type === 'dynamic' && one.glob ? undefined : one.specifier)
    }
    // The lexer skips types, where import('…') can hide; what it did find is skipped here.
    const known = new Set(found.map(({ start }) => start))
    for (const { index, 0: head, 1: specifier } of text.matchAll(/\bimport\(\s*['"]([^'"\n]+)(?=['"])/g)) {
      const start = index + head.length - (specifier?.length ?? 0)
      if (!isComment(text, index) && !known.has(start) && !known.has(start - 1)) add(start, specifier)
    }
  } catch (error) {
    offences.push(`${from}:1: can't be parsed (${error})`)
  }
  return { imports, offences }
}

/** Blanks what the lexer cannot read: of a file with markup its imports are left, which stand on lines of their own. */
function withoutMarkup(text: string): string {
  const kept = [...text.matchAll(/^(import|export) [^;]*?from '[^'\n]+'$|^import '[^'\n]+'$/gm)]
  const blank = (part: string) => part.replace(/[^\n]/g, ' ')
  let end = 0
  const pieces = kept.map(({ index, 0: statement }) => {
    const before = blank(text.slice(end, index))
    end = index + statement.length
    return before + statement
  })
  return pieces.join('') + blank(text.slice(end))
}

/** Judges by the look of the line, which is enough for house style. */
function isComment(text: string, position: number): boolean {
  const before = text.slice(text.lastIndexOf('\n', position) + 1, position)
  return /^\s*(\*|\/\*)|\/\//.test(before)
}

/** The path that an import means, if it is ours. */
function targetOf(files: Files, from: string, specifier: string): string | undefined {
  const own = /^@kabutar\/([^/]+)\/(.+)$/.exec(specifier)
  if (own) return `packages/${own[1]}/src/${own[2]}`
  if (!specifier.startsWith('.')) return undefined
  const path = posix.join(posix.dirname(from), specifier)
  return files.has(path) || !/\.tsx?$/.test(path) ? path : `${path} (missing)`
}

function directionOffence({ from, line, specifier, target }: Import): string[] {
  if (target === undefined) return []
  const [source, aim] = [packageOf(from), packageOf(target)]
  const offence = (why: string) => [`${from}:${line}: ${why}`]
  if (target.endsWith(' (missing)')) return offence(`there is no ${specifier}`)
  if (source !== aim && specifier.startsWith('.') && target.startsWith('packages/')) {
    return offence(`${specifier} leaves the package; write @kabutar/${aim}/…`)
  }
  if (source === aim && specifier.startsWith('@')) return offence(`${specifier} is this package; write it relative`)
  if (isTest(from)) return []
  if (isTest(target)) return offence(`imports ${target}, which is a test`)
  if (source !== aim) return packageOffence(source, aim).flatMap(offence)
  return source === 'core' ? layerOffence(layerOf(from), layerOf(target)).flatMap(offence) : []
}

function packageOffence(source: string, aim: string): string[] {
  if (APART.has(source))
    return APART.has(aim) ? [] : [`${source} must not import ${aim}: it imports no package of ours`]
  const [above, below] = [rankIn(PACKAGES, source), rankIn(PACKAGES, aim)]
  if (above < 0) return [`${source} has no place in the order of packages`]
  return below >= 0 && below < above ? [] : [`${source} must not import ${aim}`]
}

function layerOffence(source: string, aim: string): string[] {
  const [above, below] = [rankIn(LAYERS, source), rankIn(LAYERS, aim)]
  if (above < 0) return [`core/${source} has no place in the order of core's layers`]
  const together = source === aim || (above === 0 && below === 0)
  return together || (below >= 0 && below < above) ? [] : [`core/${source} must not import core/${aim}`]
}

const NAME = /^(@[^/]+\/)?[^/]+/
type Manifest = { readonly dependencies?: object; readonly devDependencies?: object }

/** Each package declares what its production code imports, and imports what it declares. */
function manifestOffences(files: Files, imports: readonly Import[]): string[] {
  const declared = (path: string): Manifest => JSON.parse(files.get(path) ?? '{}')
  const root = declared('package.json')
  const manifests = [...files.keys()].filter((path) => /^packages\/[^/]+\/package\.json$/.test(path))
  const undeclared = imports.flatMap(({ from, line, specifier }) => {
    if (specifier.startsWith('.') || isBuiltin(specifier)) return []
    const name = NAME.exec(specifier)?.[0] ?? specifier
    const own = from.startsWith('packages/') ? declared(`packages/${packageOf(from)}/package.json`) : root
    const forTests = { ...own.devDependencies, ...root.dependencies, ...root.devDependencies }
    if (name in { ...own.dependencies } || (isTest(from) && (name in forTests || name.startsWith('@kabutar/'))))
      return []
    return [{ what: `${name} is not in the dependencies of ${packageOf(from)}`, at: `${from}:${line}` }]
  })
  const firsts = [...Map.groupBy(undeclared, ({ what }) => what)].map(
    ([what, [first, ...more]]) => `${first?.at}: ${what}${more.length > 0 ? ` (and ${more.length} times more)` : ''}`,
  )
  const unused = manifests.flatMap((path) => {
    const own = imports.filter(({ from }) => packageOf(from) === packageOf(path) && from.startsWith('packages/'))
    const used = new Set(own.filter(({ from }) => !isTest(from)).map(({ specifier }) => NAME.exec(specifier)?.[0]))
    const idle = Object.keys(declared(path).dependencies ?? {}).filter((name) => !used.has(name))
    return own.length === 0 ? [] : idle.map((name) => `${path}:1: ${name} is declared and not imported`)
  })
  return [...firsts, ...unused]
}

/** Each circle once, at the import that closes it. */
function circles(imports: readonly Import[]): string[] {
  const edges = Map.groupBy(imports, ({ from }) => from)
  const state = new Map<string, 'open' | 'done'>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    state.set(path, 'open')
    for (const { line, target } of edges.get(path) ?? []) {
      if (target === undefined) continue
      const seen = state.get(target)
      const circle = [...trail, path, target]
      if (seen === 'open') found.push(`${path}:${line}: a circle: ${circle.slice(circle.indexOf(target)).join(' -> ')}`)
      else if (seen === undefined) visit(target, [...trail, path])
    }
    state.set(path, 'done')
  }
  for (const path of edges.keys()) if (!state.has(path)) visit(path, [])
  return found
}

function namingOffences(path: string, text: string): string[] {
  const name = path.split('/').find((part) => MEANINGLESS.test(part))
  const named = name ? [`${path}:1: ${name} says nothing about what is inside`] : []
  if (isTest(path) || MAY_READ_ENVIRONMENT.test(path)) return named
  const reads = text.split('\n').flatMap((line, i) => {
    const at = line.search(READS_ENVIRONMENT)
    return at < 0 || isComment(line, at) ? [] : [`${path}:${i + 1}: reads the environment; settings.ts passes it down`]
  })
  return [...named, ...reads]
}
