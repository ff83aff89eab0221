/**
 * Sends SMTP load from its own process: messages of 4 KB, the envelope pipelined, over kept sessions or, with `new`, each over its
 * own connection; with `tls` under TLS from the first octet. Arguments: port, sessions, messages, recipient, `kept` or `new`,
 * `plain` or `tls`. Prints the seconds that it took.
 */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

const [port = 0, sessions = 1, messages = 1] = process.argv.slice(2, 5).map(Number)
const [recipient = 'b@y.test', mode = 'kept', over = 'plain'] = process.argv.slice(5)
const line = `${'x'.repeat(76)}\r\n`
const content = Buffer.from(`From: a@x.test\r\nSubject: bench\r\n\r\n${line.repeat(52)}.\r\n`)
const envelope = Buffer.from(`MAIL FROM:<a@x.test>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`)
let left = messages
const dial = () =>
  over === 'tls' ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1')

/** Sends `most` messages over one connection, or fewer if no more are left. Resolves when the server has closed it. */
function session(most: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dial().setNoDelay(true)
    let text = ''
    let mine = 0
    const next = () => socket.write(mine++ < most && left-- > 0 ? envelope : 'QUIT\r\n')
    socket.on('error', reject).on('close', () => resolve())
    let awaited: 'hello' | 'envelope' | 'content' = 'hello'
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const reply = text.slice(0, at)
        text = text.slice(at + 1)
        if (/^[45]/.test(reply)) reject(new Error(reply))
        else if (reply.startsWith('220')) socket.write('EHLO bench.test\r\n')
        else if (reply.startsWith('354')) {
          awaited = 'content'
          socket.write(content)
        } else if (reply.startsWith('250 ') && awaited !== 'envelope') {
          awaited = 'envelope'
          next()
        }
      }
    })
  })
}

async function sender(): Promise<void> {
  if (mode === 'kept') return session(Number.POSITIVE_INFINITY)
  while (left > 0) await session(1)
}

const began = performance.now()
await Promise.all(Array.from({ length: sessions }, sender))
console.log((performance.now() - began) / 1_000)
