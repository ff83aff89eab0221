/** Shows the message as a mail program does, in a document of its own that can run and fetch nothing. */
import { useState } from 'preact/hooks'
import { API } from '../api/client.ts'
import { pathOf, type Summary, type View } from '../api/messages.ts'
import { useConsole } from '../app/console.ts'
import { Icon, type IconName } from '../ui/icon.tsx'
import { Loaded, useLoaded } from '../ui/loaded.tsx'

type Props = { readonly of: Pick<Summary, 'direction' | 'id'> }

export function Preview({ of }: Props) {
  const { api, t, router } = useConsole()
  const [images, setImages] = useState(false)
  const [dark, setDark] = useState(false)
  const phone = router.current.value.query.width === 'phone'
  const view = useLoaded(`view ${of.id} ${images}`, () => api.post<View>(`${pathOf(of)}/view`, { images }))
  const choose = (width: string | undefined) => () => router.set({ width })
  return (
    <Loaded of={view}>
      {({ path, remote_images }) => (
        <div class="preview">
          <div class="preview-bar">
            <Toggle icon="desktop" label={t('preview.desktop')} on={!phone} onClick={choose(undefined)} />
            <Toggle icon="phone" label={t('preview.phone')} on={phone} onClick={choose('phone')} />
            <Toggle icon="moon" label={t('preview.dark')} on={dark} onClick={() => setDark(!dark)} />
            <ImagesNotice count={remote_images} on={images} load={() => setImages(true)} />
            <a
              class="button quiet"
              href={API + path}
              target="_blank"
              rel="noopener noreferrer"
              title={t('preview.open')}
            >
              <Icon name="open" />
              <span class="spoken">{t('preview.open')}</span>
            </a>
          </div>
          <div class="preview-room">
            <iframe
              key={path}
              class={`frame ${phone ? 'phone' : ''} ${dark ? 'dark' : ''}`}
              title={t('preview.frame')}
              src={API + path}
              sandbox="allow-popups allow-popups-to-escape-sandbox"
              referrerpolicy="no-referrer"
            />
          </div>
        </div>
      )}
    </Loaded>
  )
}

type NoticeProps = { readonly count: number | null; readonly on: boolean; readonly load: () => void }

/** Says that images wait, and what loading them tells the sender. Nothing if the message has none. */
function ImagesNotice({ count, on, load }: NoticeProps) {
  const { t } = useConsole()
  if (on) return <span class="images-notice">{t('preview.images-on')}</span>
  if (count === 0) return <span class="images-notice" />
  return (
    <span class="images-notice">
      <Icon name="image" />
      <span>{count === null ? t('preview.images-unknown') : t('preview.images', { count })}</span>
      <button type="button" class="button small" title={t('preview.images-tell')} onClick={load}>
        {t('preview.load-images')}
      </button>
    </span>
  )
}

type ToggleProps = {
  readonly icon: IconName
  readonly label: string
  readonly on: boolean
  readonly onClick: () => void
}

function Toggle({ icon, label, on, onClick }: ToggleProps) {
  return (
    <button type="button" class="button quiet" aria-pressed={on} aria-label={label} title={label} onClick={onClick}>
      <Icon name={icon} />
    </button>
  )
}
