/** The rig of the tests of the unified list: sending and receiving on one table that logs its changes. */
import { ChangeLog, withChangeLog } from '@kabutar/core/messages/change-log.ts'
import type { Draft } from '@kabutar/core/messages/content.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { drainReceived, LETTER, receivePorts, take } from './receiving-rig.ts'
import { DRAFT, KEY } from './sending-rig.ts'

export type ActivityRig = Awaited<ReturnType<typeof activityPorts>>

export async function activityPorts() {
  const ports = await receivePorts()
  const changeLog = new ChangeLog({ clock: systemClock, ids: ports.ids })
  return { ...ports, changeLog, table: withChangeLog(ports.table, changeLog) }
}

export async function submitOne(ports: ActivityRig, some: Partial<Draft> = {}): Promise<string> {
  return (await submit(ports, KEY, { ...DRAFT, ...some })).id
}

export async function takeOne(ports: ActivityRig): Promise<string> {
  const [id = ''] = await take(ports, LETTER)
  await drainReceived(ports)
  return id
}
