import DataLoader from 'dataloader';

/** One request takes no more than this along. */
const MOST = 200;
/**
 * A request that takes longer than this, in milliseconds, keeps the next no longer: something is wrong with it, or with
 * the server.
 */
const SLOW_MS = 100;

/**
 * Makes of a request for many things one for a single thing, which costs little under load: what is asked for while a
 * request is under way goes together in the next, as a log's writer stores in groups what waits. Alone, nobody waits
 * for anybody. Nothing is remembered.
 * @param askAll answers in the order of the questions, with an `Error` for a question that has one
 * @param isOfOne whether a failure may be that of a single question: then each is asked once more by itself, so that
 * nobody's nonsense fails a neighbour
 */
export const askTogether = <Question extends object | string, Answer>(
  askAll: (questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>,
  isOfOne: (failure: Error) => boolean,
): ((question: Question) => Promise<Answer>) => {
  let underWay: Promise<unknown> = Promise.resolve();
  const ask = async (questions: readonly Question[]): Promise<readonly (Answer | Error)[]> => {
    try {
      return await askAll(questions);
    } catch (error) {
      if (questions.length === 1 || !isOfOne(error as Error)) throw error;
      const each = await Promise.all(questions.map((question) => ask([question]).catch((own: Error) => [own])));
      return each.flat();
    }
  };
  const loader = new DataLoader<Question, Answer>(
    (questions) => {
      const answers = ask(questions);
      underWay = settledOrSlow(answers);
      return answers;
    },
    {
      cache: false,
      maxBatchSize: MOST,
      // At the end of this turn of the event loop: what else arrives in it comes along.
      batchScheduleFn: (dispatch) => void underWay.then(() => setImmediate(dispatch)),
    },
  );
  return (question) => loader.load(question);
};

const settledOrSlow = (work: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const slow = setTimeout(resolve, SLOW_MS);
    const settled = (): void => {
      clearTimeout(slow);
      resolve();
    };
    work.then(settled, settled);
  });
