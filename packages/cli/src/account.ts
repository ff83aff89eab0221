/**
 * `npm run account -- create NAME [--domains a.test,b.test] [--data ./data]`: asks the running server for an account.
 * With `--stage production` it is made in that stage's table on AWS; without NAME, as the first one.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const USAGE = 'usage: npm run account -- create NAME [--domains a.test,b.test] [--data ./data | --stage production]'

type Operator = { readonly url: string; readonly token: string }

/** The running server leaves its address and a token in its folder, readable by its user alone. */
function operatorOf(data: string): Operator {
  try {
    return JSON.parse(readFileSync(join(data, 'operator.json'), 'utf8')) as Operator
  } catch {
    throw new Error(`no server runs on the data folder ${data}; start it with "npm start" first`)
  }
}

async function create(operator: Operator, name: string, domains: readonly string[]): Promise<void> {
  const response = await fetch(`${operator.url}/accounts`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${operator.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, domains }),
    signal: AbortSignal.timeout(10_000),
  })
  const answer = (await response.json()) as { id: string; token: string; message?: string }
  if (!response.ok) throw new Error(answer.message ?? `the server answered ${response.status}`)
  show(answer)
}

function show({ id, token }: { readonly id: string; readonly token: string }): void {
  process.stdout.write(`account ${id}\n\nIts API key, shown this once:\n\n  ${token}\n`)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { domains: { type: 'string' }, data: { type: 'string' }, stage: { type: 'string' } },
  })
  const [verb, name, ...rest] = positionals
  const domains = (values.domains ?? '').split(',').filter(Boolean)
  if (verb !== 'create' || rest.length > 0) throw new Error(USAGE)
  if (values.stage !== undefined) {
    const { createStageAccount } = await import('./aws-account.ts')
    return show(await createStageAccount(values.stage, name, domains))
  }
  if (name === undefined) throw new Error(USAGE)
  const data = values.data ?? process.env.KABUTAR_DATA ?? './data'
  await create(operatorOf(data), name, domains)
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(2)
}
