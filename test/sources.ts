/**
 * Rules on what sources may use: time, timers and randomness come from the ports, keys from store/keys.ts, nothing from
 * the inside of Node or of a package.
 */
import { isBuiltin } from 'node:module'
import { init, parse } from 'es-module-lexer'
import type { Files } from './dependencies.ts'

await init

type Rule = {
  readonly pattern: RegExp
  readonly instead: string
  readonly in: RegExp
  /** Files that may do so; each with its reason. */
  readonly except: readonly RegExp[]
}

const isTest = (path: string) => /\.(test|contract)\.ts$/.test(path) || /^(test|packages\/testing)\//.test(path)

/** The adapters, and the packages that put a platform together. */
const ADAPTERS = /^(packages\/(local|aws|server|cli|console)|functions|stacks)\/|^sst\.config\.ts$/

const RULES: readonly Rule[] = [
  {
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\b(set|clear)(Timeout|Interval|Immediate)\b|\bperformance\.(now|timeOrigin)\b|\bprocess\.hrtime\b|\brandom(UUID|Bytes|Int|FillSync|Fill)\b|\bgetRandomValues\b|\bAbortSignal\.timeout\b|'node:timers/,
    instead: 'Clock and Ids',
    in: /^packages\//,
    except: [ADAPTERS],
  },
  {
    pattern: /(?<!\bz)(?<=[\w$)\]])\??\._[A-Za-z]/,
    instead: 'the documented API of the object',
    in: /^(packages|functions)\//,
    except: [],
  },
  {
    pattern: /`[^`\n]*(\}#|[^`]#\$\{)[^`\n]*`|\bpk: ['`]/,
    instead: 'store/keys.ts',
    in: /^(packages|functions)\//,
    except: [/^packages\/core\/src\/store\/(mailbox-)?keys\.ts$/],
  },
]

/** Manifests of installed packages by name; undefined for one that is not installed. */
type Manifests = (name: string) => { readonly exports?: unknown } | undefined

/** `path:line: what is wrong`. */
export function sourceOffences(files: Files, manifests: Manifests): string[] {
  const sources = [...files].filter(([path]) => path.endsWith('.ts') && !isTest(path))
  return sources
    .flatMap(([path, text]) => [...ruleOffences(path, text), ...subpathOffences(path, text, manifests)])
    .sort()
}

function ruleOffences(path: string, text: string): string[] {
  const rules = RULES.filter((rule) => rule.in.test(path) && !rule.except.some((one) => one.test(path)))
  return codeOf(text)
    .split('\n')
    .flatMap((line, i) => {
      const broken = rules.flatMap(({ pattern, instead }) => {
        const [found] = pattern.exec(line) ?? []
        return found === undefined ? [] : [`${path}:${i + 1}: ${found} (use ${instead})`]
      })
      return broken
    })
}

/** The text without comments; lines keep their numbers. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`\w])\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '))
}

/** Only what a package's `exports` lists may be imported from it; of one without `exports`, the bare name. */
function subpathOffences(path: string, text: string, manifests: Manifests): string[] {
  return parse(text)[0].flatMap(({ specifier, start }) => {
    const [, name = '', subpath] = /^((?:@[^/]+\/)?[^/]+)(\/.+)?$/.exec(specifier ?? '') ?? []
    if (!specifier || subpath === undefined || isBuiltin(specifier) || /^\.|^@kabutar\//.test(specifier)) return []
    if (isExported(manifests(name)?.exports, `.${subpath}`)) return []
    const line = text.slice(0, start).split('\n').length
    return [`${path}:${line}: ${specifier} (use what ${name} exports)`]
  })
}

function isExported(exports: unknown, subpath: string): boolean {
  if (typeof exports !== 'object' || exports === null) return false
  return Object.keys(exports).some((pattern) => {
    const [head = '', tail] = pattern.split('*')
    return tail === undefined ? pattern === subpath : subpath.startsWith(head) && subpath.endsWith(tail)
  })
}
