import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Declared, execute } from './engine.ts'

/**
 * Stands in for the pulumi command under `sst diff`, with the same arguments, event log and checkpoint, on the mock engine
 * instead of AWS. Usage: `version`, `stack init <stack>`, `preview --stack <stack> --event-log <file>`.
 */
/** Must be the version of the SDK in .sst/platform/package.json. */
const VERSION = 'v3.215.0'

const argv = process.argv.slice(2)
/** Imports the program that sst has bundled. */
type Load = (url: string) => Promise<{ readonly default: unknown }>

export async function pulumi(load: Load): Promise<void> {
  if (argv[0] === 'version') console.log(VERSION)
  else if (argv[0] === 'stack' && argv[1] === 'init') initStack(argv[2] ?? '')
  else if (argv[0] === 'preview') await preview(load, option('--stack'), option('--event-log'))
  else {
    console.error(`the stand-in for pulumi does not know: ${argv.join(' ')}`)
    process.exitCode = 1
  }
}

function option(name: string): string {
  return argv[argv.indexOf(name) + 1] ?? ''
}

/** Reads every `--config key=value`. */
function configuration(): Record<string, string> {
  const values = argv.flatMap((word, index) => (word === '--config' ? [argv[index + 1] ?? ''] : []))
  return Object.fromEntries(values.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

function stateFile(stack: string): string {
  const [, app = '', stage = ''] = stack.split('/')
  return join(process.cwd(), '.pulumi/stacks', app, `${stage}.json`)
}

function initStack(stack: string): void {
  mkdirSync(dirname(stateFile(stack)), { recursive: true })
  const salt = encryptionSalt(process.env.PULUMI_CONFIG_PASSPHRASE ?? '')
  writeFileSync(stateFile(stack), checkpoint(stack, [], salt))
}

/** Makes the state of Pulumi's passphrase provider: `v1:<salt>:v1:<nonce>:<AES-GCM of "pulumi">`. */
function encryptionSalt(passphrase: string): string {
  const salt = randomBytes(8)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', pbkdf2Sync(passphrase, salt, 1_000_000, 32, 'sha256'), nonce)
  const message = Buffer.concat([cipher.update('pulumi'), cipher.final(), cipher.getAuthTag()])
  return `v1:${salt.toString('base64')}:v1:${nonce.toString('base64')}:${message.toString('base64')}`
}

function checkpoint(stack: string, resources: readonly object[], salt: string): string {
  const manifest = { time: '2026-01-01T00:00:00Z', magic: '', version: VERSION }
  const provider = { type: 'passphrase', state: { salt } }
  const latest = { manifest, secrets_providers: provider, resources, metadata: {} }
  return JSON.stringify({ version: 3, checkpoint: { stack, latest } })
}

async function preview(load: Load, stack: string, eventLog: string): Promise<void> {
  const errors = new Set<string>()
  const collect = (error: unknown) => errors.add(String((error as Error)?.message || (error as Error)?.stack || error))
  process.on('unhandledRejection', collect).on('uncaughtException', collect)
  const [, app = '', stage = ''] = stack.split('/')
  const main = /^main: (.*)$/m.exec(readFileSync('Pulumi.yaml', 'utf8'))?.[1] ?? ''
  const cwd = process.cwd()
  const root = process.env.KABUTAR_TEST_ROOT ?? cwd
  const declared = await execute(root, app, stage, async () => (await load(pathToFileURL(main).href)).default)
  process.chdir(cwd)
  const result = { resources: declared, errors: [...errors], config: configuration() }
  writeFileSync(process.env.KABUTAR_TEST_OUT ?? '/dev/null', JSON.stringify(result))
  writeEvents(eventLog, declared, errors)
  keepLinks(stack, declared)
  process.exit(errors.size > 0 ? 1 : 0)
}

function writeEvents(file: string, declared: readonly Declared[], errors: ReadonlySet<string>): void {
  let sequence = 0
  const emit = (event: object) =>
    appendFileSync(file, `${JSON.stringify({ sequence: sequence++, timestamp: 0, ...event })}\n`)
  for (const { urn, type, custom, id, parent, inputs, outputs = inputs } of declared) {
    const side = { type, urn, custom, id, parent, inputs, outputs, provider: '' }
    const metadata = { op: 'create', urn, type, old: null, new: side, provider: '' }
    emit({ resOutputsEvent: { metadata, planning: true } })
  }
  for (const message of errors) emit({ diagnosticEvent: { message, color: 'never', severity: 'error' } })
  emit({ summaryEvent: { maybeCorrupt: false, durationSeconds: 1, resourceChanges: { create: declared.length } } })
}

/** Writes the links into the checkpoint, from which sst reads them. */
function keepLinks(stack: string, declared: readonly Declared[]): void {
  const STACK = 'pulumi:pulumi:Stack'
  const kept = declared.filter(({ type }) => type === STACK || type === 'sst:sst:LinkRef')
  const resources = kept
    .toSorted((a, b) => Number(b.type === STACK) - Number(a.type === STACK))
    .map(({ urn, type, parent, outputs }) => ({ urn, type, custom: false, parent, inputs: {}, outputs: outputs ?? {} }))
  const before = JSON.parse(readFileSync(stateFile(stack), 'utf8'))
  const salt = before.checkpoint.latest.secrets_providers.state.salt
  writeFileSync(stateFile(stack), checkpoint(stack, resources, salt))
}
