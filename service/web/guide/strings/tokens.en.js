/** The chapter "tokens". */
export default {
};
