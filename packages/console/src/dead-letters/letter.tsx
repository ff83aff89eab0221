import type { DeadLetter } from '../api/resources.ts'
import { useConsole } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { prettyJson } from '../ui/json.ts'
import { Loaded, useLoaded } from '../ui/loaded.tsx'

type Props = { readonly letter: DeadLetter; readonly onClose: () => void }

/** Shows why an entry failed, and the entry itself: ids and an attempt number. */
export function ShownLetter({ letter, onClose }: Props) {
  const { api, t } = useConsole()
  const path = `/dead-letters/${letter.id}`
  const loaded = useLoaded(path, (signal) => api.get<{ readonly entry: string }>(path, {}, signal))
  return (
    <Dialog title={t('dead-letters.entry', { queue: letter.queue })} onClose={onClose}>
      <p>{letter.reason ?? t('dead-letters.no-reason')}</p>
      <Loaded of={loaded}>
        {({ entry }) => (
          <div class="snippet section">
            <pre>{prettyJson(entry)}</pre>
            <CopyButton text={entry} />
          </div>
        )}
      </Loaded>
    </Dialog>
  )
}
