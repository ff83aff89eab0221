/** What hostile SMTP connections do, for `besiege`. */
import type { Hostile } from '../siege.ts'

type Hostiles = Readonly<Record<string, Hostile>>

const EHLO = 'EHLO far.test\r\n'
const DATA = `${EHLO}MAIL FROM:<eve@far.test>\r\nRCPT TO:<ada@kabutar.test>\r\nDATA\r\n`
const MESSAGE = `MAIL FROM:<eve@far.test>\r\nRCPT TO:<ada@kabutar.test>\r\nDATA\r\nSubject: flood\r\n\r\n${'x\r\n'.repeat(1300)}.\r\n`
/** The start of a handshake: the header of a TLS record of 16 KB, and an octet of it. */
const RECORD = Buffer.from([0x16, 0x03, 0x01, 0x40, 0x00, 0x01])
const at = (text: string, turn: number) => text.slice(turn % text.length, (turn % text.length) + 1)
const whole = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(64))

export const SILENT: Hostiles = { 'say nothing': () => undefined }

export const DRIBBLERS: Hostiles = {
  'say an octet at a time': (socket, turn) => socket.write(at(EHLO, turn)),
  'say a line without an end': (socket, turn) => socket.write(turn === 0 ? 'NOOP '.repeat(300) : 'x'),
  'send a message octet by octet': (socket, turn) => socket.write(turn === 0 ? DATA : at('x\r\n', turn)),
  'stop within a message': (socket, turn) => turn === 0 && socket.write(`${DATA}${'x'.repeat(60)}\r\n`),
}

export const HANDSHAKES: Hostiles = {
  'stop within a handshake': (socket, turn) =>
    socket.write(turn === 0 ? `${EHLO}STARTTLS\r\n` : RECORD.subarray(turn - 1, turn)),
}

export const FLOODS: Hostiles = {
  'push messages without an end': (socket, turn) => {
    if (turn === 0) socket.write(DATA)
    else if (!socket.writableNeedDrain && turn < 10) socket.write(whole)
  },
  'send whole messages without waiting': (socket, turn) => {
    if (turn === 0) socket.write(EHLO)
    if (!socket.writableNeedDrain) socket.write(MESSAGE)
  },
  'ask and never read the answers': (socket, turn) => {
    if (turn === 0) socket.pause().write(EHLO)
    if (!socket.writableNeedDrain) socket.write('RSET\r\n'.repeat(5000))
  },
  'connect again and again': (socket) => socket.destroy(),
}
