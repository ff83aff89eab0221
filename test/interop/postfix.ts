/**
 * Runs a real Postfix of Debian on loopback, with configuration, queue, mail and log in its own folder. It neither reads nor
 * changes the system's Postfix, if there is one. It needs root, as Postfix does.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { installDebian } from './debian.ts'

export type PostfixOptions = {
  /** The next hop of all mail, in place of mailboxes. */
  readonly relayTo?: { readonly host: string; readonly port: number }
  /** Domains that accept mail for any local part. @default ['postfix.test'] */
  readonly domains?: readonly string[]
  /** Answers to RCPT TO by whole address, such as `550 5.1.1 No such user` or `450 4.2.2 Full`. */
  readonly replies?: Readonly<Record<string, string>>
  readonly maxBytes?: number
  /** discard(8) drops queued messages instead of delivering them. */
  readonly discard?: boolean
}
/** `raw` is the message as Postfix accepted it, with its own trace fields on top and lines that end in CRLF. */
type PostfixMessage = { readonly recipient: string; readonly returnPath: string; readonly raw: Buffer }
export type Postfix = {
  readonly port: number
  readonly configFolder: string
  readonly queueFolder: string
  readonly mailFolder: string
  /** Answers the messages delivered so far, in no order. */
  messages(): Promise<readonly PostfixMessage[]>
  /** Resolves once `count` messages are there. @throws {Error} with the log's end after `timeoutMs` (20 s) */
  waitFor(count: number, timeoutMs?: number): Promise<readonly PostfixMessage[]>
  /** Answers the log so far. */
  log(): string
  stop(): Promise<void>
}

/** Debian's `nobody` and `nogroup`, who own the mail. */
const NOBODY = 65_534
const START_MS = 15_000
const POLL_MS = 50

type Folders = {
  readonly root: string
  readonly config: string
  readonly queue: string
  readonly data: string
  readonly mail: string
}

/** @throws {Error} with Postfix's own text if it does not start within 15 s */
export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  installDebian(['postfix'])
  const folders = makeFolders()
  const port = await freePort()
  writeFileSync(join(folders.config, 'main.cf'), mainCf(folders, options))
  writeFileSync(join(folders.config, 'master.cf'), masterCf(port))
  writeFileSync(join(folders.config, 'replies'), replies(options))
  const stop = () => {
    postfix(folders, 'stop')
    process.off('exit', stop)
    rmSync(folders.root, { recursive: true, force: true, maxRetries: 5 })
  }
  const { status, stderr } = postfix(folders, 'start')
  process.once('exit', stop)
  if (status !== 0 || !(await greets(port))) {
    const said = `${stderr}${logOf(folders)}`
    stop()
    throw new Error(`Postfix does not start: ${said}`)
  }
  return running(folders, port, stop)
}

function running(folders: Folders, port: number, stop: () => void): Postfix {
  const messages = async () => messagesIn(folders)
  return {
    port,
    configFolder: folders.config,
    queueFolder: folders.queue,
    mailFolder: folders.mail,
    messages,
    async waitFor(count, timeoutMs = 20_000) {
      for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(POLL_MS)) {
        const found = messagesIn(folders)
        if (found.length >= count) return found
      }
      throw new Error(`Postfix has no ${count} messages after ${timeoutMs} ms: ${logOf(folders).slice(-2000)}`)
    },
    log: () => logOf(folders),
    stop: async () => stop(),
  }
}

/** Makes the root folder readable for all, because Postfix's processes run as other users. */
function makeFolders(): Folders {
  const root = mkdtempSync(join(tmpdir(), 'kabutar-postfix-'))
  chmodSync(root, 0o755)
  const [config, queue, data, mail] = ['config', 'queue', 'data', 'mail'].map((name) => {
    const folder = join(root, name)
    mkdirSync(folder, { mode: 0o755 })
    return folder
  }) as [string, string, string, string]
  const postfixUser = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' }))
  chownSync(data, postfixUser, 0)
  chownSync(mail, NOBODY, NOBODY)
  return { root, config, queue, data, mail }
}

function mainCf(
  folders: Folders,
  { domains = ['postfix.test'], maxBytes = 20_000_000, relayTo, discard }: PostfixOptions,
): string {
  const settings = {
    compatibility_level: '3.6',
    queue_directory: folders.queue,
    data_directory: folders.data,
    maillog_file: join(folders.root, 'log'),
    maillog_file_prefixes: folders.root,
    myhostname: 'mx.postfix.test',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    smtp_dns_support_level: 'disabled',
    smtp_host_lookup: 'native',
    message_size_limit: String(maxBytes),
    mailbox_size_limit: '0',
    virtual_mailbox_limit: '0',
    append_dot_mydomain: 'no',
    biff: 'no',
    smtputf8_enable: 'yes',
    // No mail may leave this machine.
    default_transport: relayTo ? `smtp:[${relayTo.host}]:${relayTo.port}` : 'error:no such domain here',
    smtpd_relay_restrictions: relayTo ? 'permit_mynetworks, reject' : 'reject_unauth_destination',
    smtpd_recipient_restrictions: `check_recipient_access texthash:${join(folders.config, 'replies')}, permit`,
    virtual_mailbox_domains: relayTo ? '' : domains.join(' '),
    virtual_transport: discard ? 'discard:' : 'virtual',
    // Otherwise Postfix delays senders that are faster than its deliveries.
    in_flow_delay: discard ? '0' : '1s',
    virtual_mailbox_base: folders.mail,
    virtual_mailbox_maps: 'static:all/',
    virtual_minimum_uid: '100',
    virtual_uid_maps: `static:${NOBODY}`,
    virtual_gid_maps: `static:${NOBODY}`,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  return lines.join('')
}

/** Runs no service in a chroot, because the folders are bare. */
function masterCf(port: number): string {
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ]
  return `${services.join('\n')}\n`
}

const replies = ({ replies = {} }: PostfixOptions) =>
  Object.entries(replies)
    .map(([address, reply]) => `${address} ${reply}\n`)
    .join('')

function postfix(folders: Folders, command: 'start' | 'stop') {
  return spawnSync('postfix', ['-c', folders.config, command], { encoding: 'utf8', timeout: START_MS })
}

function logOf(folders: Folders): string {
  const path = join(folders.root, 'log')
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

async function greets(port: number): Promise<boolean> {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(POLL_MS)) {
    const socket = connect(port, '127.0.0.1')
    try {
      const [greeting] = await once(socket, 'data', { signal: AbortSignal.timeout(2000) })
      socket.write('QUIT\r\n')
      return String(greeting).startsWith('220 ')
    } catch {
      // Postfix does not listen yet.
    } finally {
      socket.destroy()
    }
  }
  return false
}

function messagesIn(folders: Folders): PostfixMessage[] {
  const folder = join(folders.mail, 'all', 'new')
  return existsSync(folder) ? readdirSync(folder).map((name) => messageOf(readFileSync(join(folder, name)))) : []
}

/** virtual(8) puts the envelope on top, as `Return-Path`, `X-Original-To` and `Delivered-To`, and stores bare LFs. */
function messageOf(stored: Buffer): PostfixMessage {
  let text = stored.toString('latin1')
  const take = (name: string) => {
    const line = new RegExp(`^${name}: (.*)\n`).exec(text)
    text = text.slice(line?.[0].length ?? 0)
    return line?.[1]
  }
  const returnPath = (take('Return-Path') ?? '').replace(/^<(.*)>$/, '$1')
  const original = take('X-Original-To')
  const recipient = take('Delivered-To') ?? original ?? ''
  return { recipient, returnPath, raw: Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1') }
}
