/** Shows the page of messages: the live list on the left, the chosen message on the right. */
import { useEffect } from 'preact/hooks'
import type { Summary } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import { Empty } from '../ui/states.tsx'
import { filterOf, showsEverything } from './filter.ts'
import { ListPane } from './list-pane.tsx'
import { MessagePane } from './message-pane.tsx'
import './list.css'
import './rows.css'
import './message.css'
import './timeline.css'

export default function MessagesPage() {
  const { router, t } = useConsole()
  const { messages } = useSignedIn()
  const route = router.current.value
  const filter = filterOf(route)
  const key = JSON.stringify(filter)
  useEffect(() => void messages.show(JSON.parse(key)), [messages, key])
  const open = openOf(route.path)
  const isEmpty = messages.state.value === 'ready' && messages.rows.value.length === 0 && showsEverything(filter)
  useEffect(() => {
    if (open) messages.markRead(open.id)
  }, [messages, open?.id])
  return (
    <div class={`messages-page ${open ? 'one-open' : ''} ${isEmpty && !open ? 'empty' : ''}`}>
      <h1 class="spoken" tabIndex={-1}>
        {t('messages.title')}
      </h1>
      <ListPane filter={filter} openId={open?.id} />
      <section class="message-pane">
        {open ? <MessagePane key={open.id} {...open} /> : <Empty title={t('messages.choose')} />}
      </section>
    </div>
  )
}

/** Reads the message that the URL names: `messages/sent/ID`. */
function openOf([, direction, id]: readonly string[]): Pick<Summary, 'direction' | 'id'> | undefined {
  if ((direction !== 'sent' && direction !== 'received') || id === undefined) return undefined
  return { direction, id }
}
