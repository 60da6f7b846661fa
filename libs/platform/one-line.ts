const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A text that somebody else may have written, on one line and without what a terminal would obey. */
export const onOneLine = (text: string): string => text.replace(CONTROL, ' ');
