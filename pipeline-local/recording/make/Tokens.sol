// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

contract Coin is ERC20 {
    mapping(uint256 => uint256) public notes;

    constructor() ERC20("Coin", "COIN") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// Two transfers in one call, as swaps have them.
    function split(address a, address b, uint256 amount) external {
        _transfer(msg.sender, a, amount / 2);
        _transfer(msg.sender, b, amount - amount / 2);
    }

    function fail() external pure {
        revert("always fails");
    }
}

contract Art is ERC721 {
    uint256 private next;

    constructor() ERC721("Art", "ART") {}

    function mint(address to) external {
        _mint(to, next++);
    }
}

contract Items is ERC1155 {
    constructor() ERC1155("") {}

    function mint(address to, uint256 id, uint256 amount) external {
        _mint(to, id, amount, "");
    }

    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external {
        _mintBatch(to, ids, amounts, "");
    }
}

/// Created over and over by the recording; emits logs with no topic and with four.
contract Note {
    event Kept(uint256 indexed a, uint256 indexed b, uint256 indexed c, bytes data);

    constructor(uint256 a, bytes memory data) {
        emit Kept(a, a + 1, type(uint256).max, data);
        assembly {
            log0(add(data, 32), mload(data))
        }
    }
}
