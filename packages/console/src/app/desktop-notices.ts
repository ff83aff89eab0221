/** Tells of new messages outside of the page, while it is not seen. Several tabs tell of one message once. */
import type { Summary } from '../api/messages.ts'

/** Asks the reader for permission, if the browser has not asked yet. */
export async function mayNotify(): Promise<boolean> {
  return 'Notification' in globalThis && (await Notification.requestPermission()) === 'granted'
}

/** Shows `title` and the newest subject. A press opens the page. */
export function notifyOf(fresh: readonly Summary[], title: string): void {
  const newest = fresh.reduce<Summary | undefined>((last, one) => (last && last.id > one.id ? last : one), undefined)
  if (!newest || !document.hidden || !('Notification' in globalThis) || Notification.permission !== 'granted') return
  const notice = new Notification(title, { body: newest.subject, tag: newest.id, icon: '/icon.svg' })
  notice.onclick = () => {
    window.focus()
    notice.close()
  }
}
