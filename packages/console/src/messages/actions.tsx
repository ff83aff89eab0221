/** Shows the buttons and the menu of what one can do with a message. */
import { API, type Api, ApiError } from '../api/client.ts'
import { type Content, pathOf, type Source } from '../api/messages.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import { SHOWN_MS } from '../app/notices.ts'
import { useShortcuts } from '../app/use-shortcuts.ts'
import { Icon } from '../ui/icon.tsx'
import { Menu } from '../ui/menu.tsx'
import type { Head } from './head.ts'
import { curlOf, type SentBody } from './snippets.ts'

export function Actions({ head }: { readonly head: Head }) {
  const { api, t, notices, router } = useConsole()
  const { who, messages } = useSignedIn()
  const deleteOne = useDelete(head)
  // With rows selected, the key means those.
  const remove = () => messages.selection.messages.value.length === 0 && deleteOne()
  useShortcuts({ '#': remove, 'Shift+#': remove })
  const sent = head.direction === 'sent'
  const acts: { readonly [name: string]: () => Promise<unknown> } = {
    'send-again': async () => {
      const { id } = await api.post<{ id: string }>(`/emails/${head.id}/send-again`)
      notices.done(t('message.sent-again'))
      router.go(['messages', 'sent', id], { ...router.current.value.query, tab: 'timeline' })
    },
    'copy-curl': async () => {
      const { command, attachments } = await curl(api, head, who.api_url)
      await navigator.clipboard.writeText(command)
      notices.done(attachments === 0 ? t('shell.copied') : t('message.copied-without', { count: attachments }))
    },
    download: async () => {
      const { download_url } = await api.get<Source>(`${pathOf(head)}/source`)
      window.location.assign(download_url)
    },
    delete: async () => deleteOne(),
  }
  const act = (name: string) => void acts[name]?.().catch(notices.failed)
  return (
    <div class="actions">
      {sent && (
        <button type="button" class="button" onClick={() => act('send-again')}>
          <Icon name="again" />
          {t('message.send-again')}
        </button>
      )}
      <Menu
        label={t('message.actions')}
        trigger={<Icon name="more" />}
        groups={[
          {
            choices: [
              ...(sent ? [{ value: 'copy-curl', label: t('message.copy-curl') }] : []),
              { value: 'download', label: t('message.download') },
              { value: 'delete', label: t('message.delete'), danger: true },
            ],
            choose: act,
          },
        ]}
      />
    </div>
  )
}

/** Takes the message out of the list at once, and deletes it when the toast that can take it back is gone. */
function useDelete(head: Head): () => void {
  const { api, t, notices, router } = useConsole()
  const { messages } = useSignedIn()
  return () => {
    const refused = (error: unknown) => {
      messages.putBack(head.id)
      notices.failed(error)
    }
    const timer = setTimeout(() => void api.delete(pathOf(head)).catch(refused), SHOWN_MS)
    const undo = () => {
      clearTimeout(timer)
      messages.putBack(head.id)
    }
    notices.done(t('message.deleted'), { label: t('message.undo'), onClick: undo })
    const neighbour = messages.hide(head.id)
    const path = neighbour ? ['messages', neighbour.direction, neighbour.id] : ['messages']
    router.go(path, router.current.value.query, { replace: true })
  }
}

/** Makes the command, and counts the attachments that it leaves out. A message whose content was deleted has none to leave out. */
async function curl(api: Api, head: Head, url: string) {
  const [message, content] = await Promise.all([
    api.get<SentBody>(pathOf(head)),
    api.get<Content>(`${pathOf(head)}/content`).catch(noneIfDeleted),
  ])
  const attachments = content?.attachments.length ?? 0
  return { command: curlOf(new URL(url || API, window.location.origin).href, message), attachments }
}

function noneIfDeleted(error: unknown): undefined {
  if (!(error instanceof ApiError && error.status === 404)) throw error
}
