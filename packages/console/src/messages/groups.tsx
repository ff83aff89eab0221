import { useConsole, useSignedIn } from '../app/console.ts'
import { Time } from '../ui/time.tsx'
import { groupsOf } from './recipient-groups.ts'

/** Lists the recipients of the messages that are loaded, the latest first. A press shows the messages of one. */
export function Groups() {
  const { router, t } = useConsole()
  const { messages } = useSignedIn()
  const groups = groupsOf(messages.rows.value, messages.unread.value)
  return (
    <nav class="groups" aria-label={t('messages.groups')}>
      {groups.map(({ address, count, unread, latest }) => (
        <a class="group" key={address} href={router.href(['messages'], { q: `to:${address}` })}>
          <span class="row-who">{address}</span>
          <Time at={latest} />
          <span class="hint">{t('messages.group-count', { count })}</span>
          {unread > 0 && <span class="badge">{unread}</span>}
        </a>
      ))}
      {messages.hasMore.value && (
        <button type="button" class="button" onClick={() => void messages.more()}>
          {t('shell.more')}
        </button>
      )}
    </nav>
  )
}
