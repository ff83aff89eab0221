/**
 * Load for smtp-accept.ts, in a process of its own: keeps sessions open and sends messages of 4 KB over each, the envelope
 * pipelined. Arguments: port, sessions, messages. Prints the seconds it took.
 */
import { connect } from 'node:net'

const [port = 0, sessions = 1, messages = 1] = process.argv.slice(2).map(Number)
const line = `${'x'.repeat(76)}\r\n`
const content = Buffer.from(`Subject: bench\r\n\r\n${line.repeat(52)}.\r\n`)
const envelope = Buffer.from('MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n')
let left = messages

/** One session: resolves when no messages are left to send. */
function session(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    let text = ''
    const next = () => {
      if (left-- > 0) socket.write(envelope)
      else socket.end('QUIT\r\n', () => resolve())
    }
    socket.on('error', reject)
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

const began = performance.now()
await Promise.all(Array.from({ length: sessions }, session))
console.log((performance.now() - began) / 1_000)
