/** `npm run account` lists and makes accounts and their API keys, and lets a paused account send again. */
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'
import { type Accounts, accountsOnServer } from './operator.ts'

const COMMAND: Command = {
  usage: [
    'npm run account -- list',
    'npm run account -- create NAME [--domains a.test,b.test]',
    'npm run account -- resume ACCOUNT',
    'npm run account -- retain ACCOUNT [--content 30] [--events 90]',
    'npm run account -- tenants create|remove --stage STAGE',
    'npm run account -- keys list [--account ID]',
    'npm run account -- keys create NAME [--account ID] [--permission sending_access] [--domain a.test]',
    'npm run account -- keys delete KEY [--account ID]',
  ],
  does: 'Lists and makes accounts and their API keys, through the running server or in the table of a stage on AWS. A new key is shown once. There, `create` without NAME makes the key of the first account. `resume` ends the automatic pause of an account. `retain` says how many days its content and its events are kept. `tenants` makes or removes the tenants of SES of all accounts of a stage.',
  options: {
    account: { meaning: 'whose keys', initial: 'first' },
    permission: { meaning: 'full_access or sending_access; the latter with --domain', initial: 'full_access' },
    domain: { meaning: 'a verified domain of the account: the key sends from it alone' },
    domains: { meaning: 'domains of a new account, which count as verified' },
    content: { meaning: 'days that `retain` keeps content; off for ever, default for the setting KABUTAR_RETENTION' },
    events: { meaning: 'likewise of events, at least 30 days' },
    data: { meaning: 'the data folder of the running server', initial: './data', variable: 'KABUTAR_DATA' },
    stage: { meaning: 'a stage on AWS, in place of a server on this machine' },
    table: { meaning: 'with --stage: the name of its table, if the stage has several' },
  },
}

async function accountsOf({ options }: Arguments): Promise<Accounts> {
  if (options.stage === undefined) return accountsOnServer(options.data ?? process.env.KABUTAR_DATA ?? './data')
  const { accountsOnStage } = await import('./aws-account.ts')
  return accountsOnStage(options.stage, options.table)
}

const print = (...lines: readonly string[]) => process.stdout.write(lines.map((line) => `${line}\n`).join(''))
const printToken = (what: string, token: string) => print(what, '', 'Its API key, shown this once:', '', `  ${token}`)

async function main(given: Arguments): Promise<void> {
  const [verb, name, ...rest] = given.words
  const accounts = await accountsOf(given)
  if (verb === 'keys') return keys(accounts, given)
  if (rest.length > 0) throw new UsageError('too many words; --help shows the usage')
  if (verb === 'list' && name === undefined) {
    for (const one of await accounts.list()) {
      const [content, events] = [one.content_days, one.event_days].map(keptFor)
      print(`${one.id}  ${one.created_at}  content ${content}, events ${events}  ${one.name}`)
    }
    return
  }
  if (verb === 'tenants') return tenants(name, given.options)
  if (verb === 'retain' && name !== undefined) return retain(accounts, name, given.options)
  if (verb === 'create') {
    const { id, token } = await accounts.create(name, (given.options.domains ?? '').split(',').filter(Boolean))
    printToken(`account ${id}`, token)
    return
  }
  if (verb !== 'resume' || name === undefined) throw new UsageError('unknown command; --help shows the usage')
  await accounts.resume(name)
  print(`account ${name} sends again; messages that waited are sent within 15 minutes`)
}

async function tenants(verb: string | undefined, { stage, table }: Arguments['options']): Promise<void> {
  if (stage === undefined || (verb !== 'create' && verb !== 'remove')) {
    throw new UsageError('write tenants create or tenants remove, with --stage; --help shows the usage')
  }
  const { createTenants, removeTenantsOf } = await import('./aws-tenants.ts')
  print(...(verb === 'create' ? await createTenants(stage, table) : await removeTenantsOf(stage)))
}

const keptFor = (days: number | undefined) =>
  days === undefined ? 'as the setting' : days === 0 ? 'for ever' : `${days} days`

async function retain(accounts: Accounts, id: string, { content, events }: Arguments['options']): Promise<void> {
  const [content_days, event_days] = [daysOf('--content', content), daysOf('--events', events)]
  if (content_days === undefined && event_days === undefined) {
    throw new UsageError('write retain ACCOUNT with --content or --events; --help shows the usage')
  }
  await accounts.retain(id, {
    ...(content_days !== undefined && { content_days }),
    ...(event_days !== undefined && { event_days }),
  })
  print(`account ${id} is changed; what is older goes within the hour`)
}

function daysOf(option: string, text: string | undefined): number | 'default' | undefined {
  if (text === undefined || text === 'default') return text
  if (text === 'off') return 0
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`${option}: must be a number of days, off or default`)
  return Number(text)
}

async function keys(accounts: Accounts, { options, words }: Arguments): Promise<void> {
  const [, verb, name, ...rest] = words
  const { account = 'first', domain } = options
  const { permission = domain === undefined ? 'full_access' : 'sending_access' } = options
  if (rest.length > 0 || (verb === 'list') !== (name === undefined)) {
    throw new UsageError('write keys list, keys create NAME or keys delete KEY; --help shows the usage')
  }
  if (verb === 'list') {
    for (const { id, name, created_at, last_used_at } of await accounts.listKeys(account)) {
      print(`${id}  ${created_at}  last used ${last_used_at ?? 'never'}  ${name}`)
    }
  } else if (verb === 'create' && name !== undefined) {
    if (permission !== 'full_access' && permission !== 'sending_access') {
      throw new UsageError('--permission: must be full_access or sending_access')
    }
    if (domain !== undefined && permission !== 'sending_access') {
      throw new UsageError('--domain: a key of full_access is for every domain')
    }
    const { id, token } = await accounts.createKey(account, { name, permission, ...(domain && { domain }) })
    printToken(`key ${id} of account ${account}`, token)
  } else if (verb === 'delete' && name !== undefined) {
    await accounts.deleteKey(account, name)
    print(`key ${name} is deleted; within five seconds nothing accepts it any more`)
  } else throw new UsageError(`keys ${verb} is no command; --help shows the usage`)
}

await runCommand(COMMAND, main)
