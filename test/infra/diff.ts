import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Declared } from './engine.ts'
import { startLoopback } from './loopback.ts'

/**
 * The result of the real `sst diff`, with the real components and without an account: a stand-in for `pulumi` runs the
 * program in Pulumi's mock engine, and a local server answers the calls of sst itself. It runs in a copy under
 * `.cache/infra`.
 */
export type Diff = {
  readonly exitCode: number
  readonly output: string
  readonly errors: readonly string[]
  readonly resources: readonly Declared[]
  /** Configuration that sst passes to the providers. */
  readonly config: Readonly<Record<string, string>>
}
type DiffOptions = {
  readonly stage: string
  /** The account's active receipt rule set, `none`, or `denied` if the caller may not read it. */
  readonly activeRuleSet?: string
  readonly operator?: string
}

const REPOSITORY = resolve(import.meta.dirname, '../..')
const CACHE = join(REPOSITORY, '.cache/infra')
/** The folder that `sst` runs in; its artifacts are in `.sst/artifacts`. */
export const APP = join(CACHE, 'app')
const HOME = join(CACHE, 'home')
const MINUTES = 60_000

/**
 * Copies the files that sst reads, and installs its platform; repeated runs take two seconds. Returns the handlers that the
 * stacks name and the repository lacks, which are bundled as an empty function.
 */
async function prepareApp(): Promise<readonly string[]> {
  mkdirSync(APP, { recursive: true })
  for (const name of ['sst.config.ts', 'tsconfig.infra.json', 'package.json', 'stacks']) {
    rmSync(join(APP, name), { recursive: true, force: true })
    cpSync(join(REPOSITORY, name), join(APP, name), { recursive: true })
  }
  // Links resolve to the repository, so the packages that these files import are found there.
  for (const name of ['packages', 'node_modules']) link(name)
  const missing = linkHandlers()
  writePulumi()
  const { exitCode, output } = await sst(['install', '--stage', 'ci'], 'http://127.0.0.1:1', {})
  if (exitCode !== 0) throw new Error(`sst install failed: ${output}`)
  return missing
}

function link(name: string): void {
  if (!existsSync(join(APP, name))) symlinkSync(join(REPOSITORY, name), join(APP, name))
}

function linkHandlers(): readonly string[] {
  const folder = join(APP, 'functions')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const name of readdirSync(join(REPOSITORY, 'functions'))) {
    symlinkSync(join(REPOSITORY, 'functions', name), join(folder, name))
  }
  const missing = [...new Set(namedHandlers())].filter((file) => !existsSync(join(folder, file)))
  for (const file of missing) {
    writeFileSync(join(folder, file), 'export const handler = async () => {}\nexport const recover = handler\n')
  }
  return missing
}

function namedHandlers(): string[] {
  const stacks = readdirSync(join(REPOSITORY, 'stacks')).map((name) =>
    readFileSync(join(REPOSITORY, 'stacks', name), 'utf8'),
  )
  return stacks.flatMap((text) => [...text.matchAll(/'functions\/([a-z-]+)\.\w+'/g)].map(([, name]) => `${name}.ts`))
}

/** Puts the stand-in where sst looks for its own copy of pulumi; without a file there, sst would install one. */
function writePulumi(): void {
  const file = join(HOME, 'sst/bin/pulumi')
  mkdirSync(dirname(file), { recursive: true })
  const start = `${file}.mjs`
  const program = pathToFileURL(join(import.meta.dirname, 'pulumi.ts')).href
  writeFileSync(start, `import { pulumi } from '${program}'\nawait pulumi((url) => import(url))\n`)
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${start}' "$@"\n`, { mode: 0o755 })
}

export async function diff({ stage, activeRuleSet = 'none', operator }: DiffOptions): Promise<Diff> {
  const out = join(CACHE, 'declared.json')
  rmSync(out, { force: true })
  const loopback = await startLoopback()
  try {
    const { exitCode, output } = await sst(['diff', '--stage', stage, '--json'], loopback.endpoint, {
      KABUTAR_TEST_OUT: out,
      KABUTAR_TEST_ROOT: APP,
      KABUTAR_TEST_RULE_SET: activeRuleSet,
      ...(operator && { SST_SECRET_Operator: operator }),
    })
    const nothing = { resources: [], errors: [output], config: {} }
    const declared = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')) : nothing
    return { exitCode, output, ...declared }
  } finally {
    loopback.close()
  }
}

/** The accounts and stages of the tests. */
const SCENARIOS: Readonly<Record<string, DiffOptions>> = {
  ci: { stage: 'ci', operator: 'operator@example.com' },
  production: { stage: 'production', activeRuleSet: 'somebody-elses' },
  again: { stage: 'ci', operator: 'operator@example.com', activeRuleSet: 'kabutar' },
  denied: { stage: 'ci', activeRuleSet: 'denied' },
}

const fileOf = (scenario: string) => join(CACHE, `diff-${scenario}.json`)

/** Runs the scenarios one after the other, because they share `.sst`. */
async function diffAll(): Promise<void> {
  const missing = await prepareApp()
  if (missing.length > 0) console.log(`missing, and so empty in these diffs: functions/${missing.join(', ')}`)
  writeFileSync(join(CACHE, 'missing.json'), JSON.stringify(missing))
  // `ci` is last, because tests read its artifacts.
  for (const scenario of ['denied', 'production', 'again', 'ci']) {
    const from = Date.now()
    const result = await diff(SCENARIOS[scenario] ?? { stage: scenario })
    writeFileSync(fileOf(scenario), JSON.stringify(result))
    console.log(
      `sst diff, ${scenario}: exit ${result.exitCode}, ${result.resources.length} resources, ${Date.now() - from} ms`,
    )
  }
}

/** @throws {Error} if `diffAll` has not been run */
export function load(scenario: 'ci' | 'production' | 'again' | 'denied'): Diff {
  if (!existsSync(fileOf(scenario))) throw new Error('run `npm run infra:diff` first')
  return JSON.parse(readFileSync(fileOf(scenario), 'utf8')) as Diff
}

export function missingHandlers(): readonly string[] {
  return JSON.parse(readFileSync(join(CACHE, 'missing.json'), 'utf8')) as string[]
}

if (import.meta.main) await diffAll()

/** Runs sst with only the caller's PATH, so without credentials, profile or proxy of the environment. */
async function sst(args: readonly string[], endpoint: string, more: Readonly<Record<string, string>>) {
  const child = spawn(join(REPOSITORY, 'node_modules/.bin/sst'), args, {
    cwd: APP,
    timeout: 5 * MINUTES,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      HOME,
      XDG_CONFIG_HOME: HOME,
      TMPDIR: tmpdir(),
      SST_SKIP_DEPENDENCY_CHECK: '1',
      SST_BUN_PATH: join(REPOSITORY, 'test/aws/node_modules/.bin/bun'),
      SST_TELEMETRY_DISABLED: '1',
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'mock',
      AWS_SECRET_ACCESS_KEY: 'mock',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...more,
    },
  })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const exitCode = await new Promise<number>((done) => child.on('close', (code) => done(code ?? 1)))
  return { exitCode, output: Buffer.concat(chunks).toString() }
}
