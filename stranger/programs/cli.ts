/** Prints `result 0, nobody 4`. */
import { exitCodes } from "@acomm/cli";

const { result, unavailable } = exitCodes;
console.log(`result ${result}, nobody ${unavailable}`);
