const MAX_CHARACTERS = 100;

/** Whether a person may be shown by this name: at most 100 characters (code points), none of them a control character. */
export const isDisplayName = (text: string): boolean => [...text].length <= MAX_CHARACTERS && !/\p{Cc}/u.test(text);
