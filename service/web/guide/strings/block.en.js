/** The chapter "block". */
export default {
};
