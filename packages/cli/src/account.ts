/**
 * `npm run account -- create NAME [--domains a.test,b.test] [--data ./data]` creates an account through the running
 * server and prints its API key. With `--stage production` it writes to the table of that stage on AWS; there, without
 * NAME, it makes the key of the first account.
 * `npm run account -- resume ID` ends the automatic pause of an account.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Agent, fetch } from 'undici'

const USAGE =
  'usage: npm run account -- create NAME [--domains a.test,b.test] | resume ID [--data ./data | --stage production]'

type Operator = { readonly url: string; readonly token: string }

/** Reads the address and the token that the running server has left in its data folder, readable by its user alone. */
function operatorOf(data: string): Operator {
  try {
    return JSON.parse(readFileSync(join(data, 'operator.json'), 'utf8')) as Operator
  } catch {
    throw new Error(`no server is running on the data folder ${data}; start it with "npm start" first`)
  }
}

type Answer = { readonly id: string; readonly token: string; readonly message?: string }

/**
 * The operator's token proves who asks, and the connection stays on this machine: a certificate has the public name of
 * the server, not the address that it listens on, so it is not checked.
 */
const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })

/** Posts a request to the running server. @throws {Error} with the server's message */
async function ask({ url, token }: Operator, path: string, body: object): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    dispatcher,
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const answer = (await response.json()) as Answer
  if (!response.ok) throw new Error(answer.message ?? `the server answered ${response.status}`)
  return answer
}

function show({ id, token }: { readonly id: string; readonly token: string }): void {
  process.stdout.write(`account ${id}\n\nIts API key, shown this once:\n\n  ${token}\n`)
}

async function create(target: Target, name: string | undefined, domains: readonly string[]): Promise<void> {
  if (target.stage !== undefined) {
    const { createStageAccount } = await import('./aws-account.ts')
    return show(await createStageAccount(target.stage, name, domains))
  }
  if (name === undefined) throw new Error(USAGE)
  show(await ask(operatorOf(target.data), '/accounts', { name, domains }))
}

async function resume({ stage, data }: Target, id: string): Promise<void> {
  if (stage === undefined) await ask(operatorOf(data), `/accounts/${encodeURIComponent(id)}/resume`, {})
  else await (await import('./aws-account.ts')).resumeStageAccount(stage, id)
  process.stdout.write(`account ${id} sends again; messages that waited are sent within 15 minutes\n`)
}

type Target = { readonly stage?: string; readonly data: string }

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { domains: { type: 'string' }, data: { type: 'string' }, stage: { type: 'string' } },
  })
  const [verb, name, ...rest] = positionals
  const { stage, data = process.env.KABUTAR_DATA ?? './data' } = values
  const target = { data, ...(stage !== undefined && { stage }) }
  if (rest.length > 0) throw new Error(USAGE)
  if (verb === 'create') return create(target, name, (values.domains ?? '').split(',').filter(Boolean))
  if (verb !== 'resume' || name === undefined) throw new Error(USAGE)
  await resume(target, name)
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(2)
}
