/** Attacks of strangers by SMTP. */
import { connectSender } from '../../flows/support/smtp-sender.ts'
import { besiege, type Hostile } from '../siege.ts'
import { ADA, type Attack, type Battle, pause, pick, repeat } from './attack.ts'
import { DRIBBLERS, FLOODS, HANDSHAKES, SILENT } from './floods.ts'
import { MIME_BOMBS } from './mime-bombs.ts'

const BOMBERS = 3
const BESIEGERS = 300
/** A flood of whole messages ends at so many, so that an hour of it fits a disk. */
const MAX_FLOOD = 2000

/** Sends bombs of one group, each of its senders one after the other. */
const bombing =
  (bombs: readonly (() => string)[]): Attack =>
  (battle) =>
    repeat(BOMBERS, battle, async (n) => {
      const raw = Buffer.from(pick(bombs, battle.random)(), 'latin1')
      const sender = await connectSender(battle.target.smtpPort, `127.3.${n}.1`)
      try {
        const id = await sender.send(ADA, raw)
        battle.answered(250)
        battle.acknowledged({ owner: 'ada', direction: 'received', id, bytes: raw.length })
      } finally {
        sender.close()
      }
      await pause(500, battle.signal)
    })

/** Keeps hostile connections, and notes each message that one of them is told to have sent. */
const sieging =
  (hostile: Hostile): Attack =>
  async (battle) => {
    let accepted = 0
    const heard: Hostile = (socket, turn) => {
      if (turn === 0)
        socket.on(
          'data',
          listener(battle, () => accepted++),
        )
      return accepted < MAX_FLOOD ? hostile(socket, turn) : undefined
    }
    const siege = besiege(battle.target.smtpPort, BESIEGERS, heard)
    await pause(2 ** 31 - 1, battle.signal)
    await siege.end()
  }

function listener({ acknowledged, answered }: Battle, accept: () => void): (chunk: Buffer) => void {
  let text = ''
  return (chunk) => {
    const lines = (text + chunk.toString('latin1')).split('\r\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      const id = /queued as (\S+)/.exec(line)?.[1]
      if (id === undefined && !/^[45]/.test(line)) continue
      answered(line.slice(0, 3))
      if (id === undefined) continue
      accept()
      acknowledged({ owner: 'ada', direction: 'received', id })
    }
  }
}

export const SMTP_ATTACKS: Readonly<Record<string, Attack>> = {
  ...Object.fromEntries(
    Object.entries(MIME_BOMBS).map(([group, bombs]) => [`mail of too many ${group}`, bombing(Object.values(bombs))]),
  ),
  ...Object.fromEntries(
    Object.entries({ ...SILENT, ...DRIBBLERS, ...HANDSHAKES, ...FLOODS }).map(([name, hostile]) => [
      `SMTP connections that ${name}`,
      sieging(hostile),
    ]),
  ),
}
