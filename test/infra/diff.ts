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
  /** Receipt rule sets that exist without being active. */
  readonly ruleSets?: readonly string[]
  /** Lines in place of the settings of sst.config.ts. */
  readonly settings?: string
  readonly region?: string
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
  const { exitCode, output } = await sst(['install', '--stage', 'ci'], 'http://127.0.0.1:1', {
    AWS_REGION: 'us-east-1',
  })
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

export async function diff(options: DiffOptions): Promise<Diff> {
  const { stage, activeRuleSet = 'none', region = 'us-east-1' } = options
  const out = join(CACHE, 'declared.json')
  rmSync(out, { force: true })
  const config = readFileSync(join(REPOSITORY, 'sst.config.ts'), 'utf8')
  writeFileSync(join(APP, 'sst.config.ts'), withSettings(config, options.settings))
  const loopback = await startLoopback(options.ruleSets)
  try {
    const { exitCode, output } = await sst(['diff', '--stage', stage, '--json'], loopback.endpoint, {
      KABUTAR_TEST_OUT: out,
      KABUTAR_TEST_ROOT: APP,
      KABUTAR_TEST_RULE_SET: activeRuleSet,
      AWS_REGION: region,
    })
    const nothing = { resources: [], errors: [output], config: {} }
    const declared = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')) : nothing
    return { exitCode, output, ...declared }
  } finally {
    loopback.close()
  }
}

/** @throws {Error} if sst.config.ts has no such object any more */
function withSettings(config: string, lines: string | undefined): string {
  if (lines === undefined) return config
  const replaced = config.replace(/(const SETTINGS: [^=]+ = \{)[^}]*\}/, (_, head: string) => `${head}${lines}}`)
  if (replaced === config) throw new Error('sst.config.ts has no object SETTINGS')
  return replaced
}

const OPERATOR = "keep: ['production'], operator: 'operator@example.com',"
const EVERY_SETTING = `
  keep: [],
  domain: { name: 'api.example.com', cert: 'arn:aws:acm:us-east-1:123456789012:certificate/c' },
  console: true,
  receiving: false,
  backups: false,
  concurrency: { send: 7 },
  memory: { api: '1024 MB' },
  logRetention: '1 week',
  throttle: { perSecond: 50 },
  sesRateShare: 0.25,
  tenants: true,
  kmsKey: 'arn:aws:kms:us-east-1:123456789012:key/k-1',
  retention: { contentDays: 30, eventDays: 90 },
  tags: { team: 'mail' },
  warmThroughput: { reads: 13_000, writes: 5_000 },
`

/** The accounts and stages of the tests. Most read `production`, because that is what people deploy. */
const SCENARIOS = {
  production: { stage: 'production', settings: OPERATOR },
  again: { stage: 'production', settings: OPERATOR, activeRuleSet: 'kabutar' },
  teardown: { stage: 'production', settings: 'keep: [],' },
  ci: { stage: 'ci', activeRuleSet: 'somebody-elses' },
  denied: { stage: 'ci', activeRuleSet: 'denied' },
  staging: { stage: 'staging', settings: EVERY_SETTING },
  inactive: { stage: 'pr-1234', ruleSets: ['kabutar'] },
  /** A stage of 40 characters, in another partition. */
  long: { stage: 'preview-of-inbound-attachments-in-german', region: 'us-gov-west-1' },
} as const satisfies Readonly<Record<string, DiffOptions>>
export type Scenario = keyof typeof SCENARIOS

const fileOf = (scenario: Scenario) => join(CACHE, `diff-${scenario}.json`)

/** Runs the scenarios one after the other, because they share `.sst`. */
async function diffAll(): Promise<void> {
  const missing = await prepareApp()
  if (missing.length > 0) console.log(`missing, and so empty in these diffs: functions/${missing.join(', ')}`)
  writeFileSync(join(CACHE, 'missing.json'), JSON.stringify(missing))
  // `production` is last, because tests read its artifacts.
  for (const scenario of (Object.keys(SCENARIOS) as Scenario[]).toReversed()) {
    const from = Date.now()
    const result = await diff(SCENARIOS[scenario])
    writeFileSync(fileOf(scenario), JSON.stringify(result))
    console.log(
      `sst diff, ${scenario}: exit ${result.exitCode}, ${result.resources.length} resources, ${Date.now() - from} ms`,
    )
  }
}

/** @throws {Error} if `diffAll` has not been run */
export function load(scenario: Scenario): Diff {
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
