import type { VNode } from 'preact';
import { Layout } from '../layout.js';
import type { Directory } from './people.js';

interface SignInPageProps {
  readonly directory: Directory;
  /** Where the choice is posted. */
  readonly action: string;
}

/** Who are you? A click on a name is the whole sign-in: there are no passwords in the demo. */
export const signInPage = ({ directory, action }: SignInPageProps): VNode => (
  <Layout title={`Sign in to ${directory.name}`} site={directory.id} siteName={directory.name}>
    <p>Ligature asked {directory.name} who you are. Choose a person:</p>
    <form method="post" action={action}>
      <ul class="people">
        {directory.people.map((person) => (
          <li key={person.subject}>
            <button name="person" value={person.subject}>
              {person.name}
              <small>
                {person.email}
                {person.emailVerified ? '' : ' (not verified)'}
              </small>
            </button>
          </li>
        ))}
      </ul>
      <button class="quiet" name="cancel" value="yes">
        Cancel
      </button>
    </form>
  </Layout>
);

interface MessagePageProps {
  readonly directory: Directory;
  readonly title: string;
  readonly message: string;
}

export const messagePage = ({ directory, title, message }: MessagePageProps): VNode => (
  <Layout title={title} site={directory.id} siteName={directory.name}>
    <p>{message}</p>
  </Layout>
);
