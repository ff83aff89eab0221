import { useConsole } from '../app/console.ts'

export default function MessagesPage() {
  const { t } = useConsole()
  return <h1>{t('messages.title')}</h1>
}
